# %% classify-lines
"""Lines of text: one label for each, or several.

python classify_lines.py trains; with new.csv it labels new lines.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from zipfile import ZipFile

import keras
import numpy as np
import pandas as pd
from keras import layers
from keras.callbacks import EarlyStopping
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, precision_recall_curve
from sklearn.multiclass import OneVsRestClassifier
from tqdm.keras import TqdmCallback

FILE = None  # "mine.csv", one row a line; None: English words
TEXT = "text"
LABEL = "label"  # one, or several in a cell
SEPARATOR = "|"  # between the labels in a cell
GROUP = TEXT  # lines with the same value here stay on one side
STEPS = 200  # of a longer line, the first so many characters are read
EPOCHS = 100  # at most: training stops when it no longer helps
MODEL = Path("classify_lines.keras")


def load(path):
    """The file as a table; training and prediction read theirs alike."""
    if path is None:
        from wonderwords import RandomWord

        kinds, words = ["adjective", "noun", "verb"], RandomWord().filter
        rows = [(w, k) for k in kinds for w in words(include_categories=[k])]
        return pd.DataFrame(sorted(rows), columns=[TEXT, LABEL])
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            head = file.readline()
        how = {"sep": max(",;\t", key=head.count), "skip_blank_lines": False}
        table = pd.read_csv(path, **how, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        sys.exit(f"{path}: {error}")
    if not isinstance(table.index, pd.RangeIndex):
        sys.exit(f"{path}: rows have more cells than the first one")
    return table


def need(table, names):
    """Ends the program where a column is missing or a cell is empty."""
    if table.empty:
        sys.exit("the file has no rows")
    if missing := [name for name in names if name not in table]:
        sys.exit(f"no column {missing}: there are {[*table]}")
    for name in names:
        if (bad := table[name].str.strip() == "").any():
            sys.exit(f"{name}, row {bad.idxmax() + 2} is empty")


def numbers(lines, known):
    """(lines, steps): 0 is padding, 1 a character that is not known."""
    ids = {one: number for number, one in enumerate(known, start=2)}
    rows = [[ids.get(one, 1) for one in line[:STEPS]] for line in lines]
    return keras.utils.pad_sequences(rows, padding="post")


def cut(truth, p):
    """The probability from which on to give a label, for the best F1."""
    precision, recall, cuts = precision_recall_curve(truth, p)
    f1 = 2 * precision * recall / (precision + recall + 1e-9)
    return float(cuts[f1[:-1].argmax()])


def give(p, cuts):
    """Always the most probable label, and each other from its cut on."""
    return (p >= cuts) | (np.arange(p.shape[1]) == p.argmax(1)[:, None])


def credits(truth, given, one):
    """What each line adds to the score, which is the mean of these."""
    if one:
        return 1.0 * (truth == given).all(axis=1)
    above, below = 2.0 * (truth & given), 1.0 * truth + given
    f1 = above.mean(axis=0) / below.mean(axis=0)
    return (f1 + (above - f1 * below) / below.mean(axis=0)).mean(axis=1)


def predict(table):
    """The labels of each line, and how probable the network holds each."""
    if not MODEL.exists():
        sys.exit(f"there is no {MODEL} yet: run without a file to train it")
    need(table, [TEXT])
    model = keras.models.load_model(MODEL)
    notes = json.loads(ZipFile(MODEL).read("notes.json"))
    X, names = numbers(table[TEXT], notes["known"]), np.array(notes["labels"])
    p = model.predict(X, batch_size=256, verbose=0)
    label = [SEPARATOR.join(names[g]) for g in give(p, notes["cuts"])]
    columns = {f"p {name}": p[:, i] for i, name in enumerate(names)}
    return pd.DataFrame({TEXT: table[TEXT], LABEL: label, **columns})


def main():
    table = load(FILE)
    need(table, [TEXT, LABEL, GROUP])
    table[LABEL] = table[LABEL].str.split(SEPARATOR)
    pairs = table.explode(LABEL)
    need(pairs, [LABEL])
    found = pd.crosstab(pairs[TEXT].array, pairs[LABEL].str.strip().array) > 0
    text, labels, truth = found.index.to_numpy(), [*found], found.to_numpy()
    group, names = pd.factorize(table.groupby(TEXT)[GROUP].first())
    part = np.random.default_rng(0).permutation(len(names))[group] % 7
    train, validation, test = part > 1, part == 1, part == 0
    print("lines:", train.sum(), validation.sum(), test.sum())
    some = [truth[p].any(axis=0).all() for p in (train, validation, test)]
    if len(labels) < 2 or not all(some):
        sys.exit(f"too few lines/labels: {found.sum().nsmallest().to_dict()}")

    keras.utils.set_random_seed(0)
    seen = Counter(one for line in text[train] for one in line[:STEPS])
    known = [one for one, times in seen.items() if times > 1]
    X = numbers(text, known)
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(len(known) + 2, 32, mask_zero=True),
            layers.Bidirectional(layers.LSTM(48)),
            layers.Dropout(0.3),
            layers.Dense(len(labels), activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    stop = EarlyStopping(patience=3, restore_best_weights=True)
    watch = [stop, TqdmCallback(verbose=0)]
    held = X[validation], 1.0 * truth[validation]
    how = {"epochs": EPOCHS, "validation_data": held, "callbacks": watch}
    model.fit(X[train], 1.0 * truth[train], batch_size=128, **how, verbose=0)
    runs = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4))
    Z = runs.fit(text[train]).transform(text)
    linear = {}  # by validation loss
    for C in (1, 3, 10, 30):
        each = OneVsRestClassifier(LogisticRegression(C=C, max_iter=1000))
        p = each.fit(Z[train], truth[train]).predict_proba(Z)
        linear[log_loss(held[1].ravel(), p[validation].ravel())] = p
    guesses = {
        "no reading": np.tile(truth[train].mean(axis=0), (len(text), 1)),
        "letter runs": linear[min(linear)],
        "network": model.predict(X, batch_size=256, verbose=0),
    }
    score, one = {}, (truth[train].sum(axis=1) == 1).all()
    print("accuracy" if one else "macro-F1")
    for name, p in guesses.items():
        pairs = zip(held[1].T, p[validation].T, strict=True)
        cuts = [2.0 if one else cut(y, q) for y, q in pairs]
        score[name] = credits(truth[test], give(p[test], cuts), one)
        print(f"{name:20}{score[name].mean():.3f}")
    best = max([*score][:-1], key=lambda name: score[name].mean())
    gain = score["network"] - score[best]
    far = abs(gain.mean()) > 2 * gain.std() / len(gain) ** 0.5
    word = "ahead of" if gain.mean() > 0 else "behind"
    print("The network is", word if far else "level with", f"{best}.")

    # An interrupted run leaves the old model whole.
    new = MODEL.with_suffix(".new.keras")
    model.save(new)
    with ZipFile(new, "a") as file:
        notes = {"known": known, "labels": labels, "cuts": cuts}
        file.writestr("notes.json", json.dumps(notes))
    new.replace(MODEL)
    again = predict(pd.DataFrame({TEXT: text[test]}))
    assert np.allclose(again.iloc[:, 2:], p[test], atol=1e-5)
    print(again.head(3).round(3).to_string(index=False))


if __name__ == "__main__":
    if sys.argv[1:]:
        print(predict(load(sys.argv[1])).to_csv(index=False), end="")
    else:
        main()
