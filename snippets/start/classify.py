# %% classify
"""Sequences of numbers, of unequal length: one label for each.

python classify.py trains; python classify.py new.csv labels new sequences.
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
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm.keras import TqdmCallback

FILE = None  # "mine.csv", one row a step; None: nine speakers' vowels
ID = "id"
TIME = "time"  # numbers or dates; only their order counts
LABEL = "label"  # the same in all rows of a sequence
GROUP = ID  # sequences with the same value here stay on one side
STEPS = 500  # of a longer sequence, the last so many are read
PAD = -1e9  # marks the steps that a shorter sequence lacks
EPOCHS = 100  # at most: training stops when it no longer helps
MODEL = Path("classify.keras")


def load(path):
    """The file as a table; training and prediction read theirs alike."""
    if path is None:
        from sktime.datasets import load_japanese_vowels

        X, y = load_japanese_vowels(return_type="pd-multiindex")
        table = X.rename_axis([ID, TIME]).reset_index()
        return table.assign(**{LABEL: y[table[ID]]})
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            head = file.readline()
        mark = max(",;\t", key=head.count)
        how = {"sep": mark, "decimal": "," if mark == ";" else "."}
        how["dtype"] = dict.fromkeys([ID, GROUP, LABEL], str)
        how |= {"keep_default_na": False, "index_col": False}
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


def sequences(table, columns):
    """The ids, and for each its steps in order: (time, features)."""
    need(table, [ID, TIME, *columns])
    found = table[[ID, TIME]].copy()
    for name in columns:
        found[name] = pd.to_numeric(table[name], errors="coerce")
        refuse(~np.isfinite(found[name]), table[name], "is no number")
    if not pd.api.types.is_numeric_dtype(table[TIME]):
        found[TIME] = pd.to_datetime(table[TIME], errors="coerce")
        refuse(found[TIME].isna(), table[TIME], "is no time")
    twice = found.duplicated([ID, TIME])
    refuse(twice, table[TIME], f"comes twice in one {ID}")
    found = found.sort_values([ID, TIME]).groupby(ID).tail(STEPS)
    ids, starts = np.unique(found[ID], return_index=True)
    return ids, np.split(found[columns].to_numpy("float32"), starts[1:])


def pad(arrays):
    kind = {"dtype": "float32", "padding": "post", "value": PAD}
    return keras.utils.pad_sequences(arrays, **kind)


def network(steps, labels):
    """``steps`` of the training set, (all, features), give the scale."""
    scale = layers.Normalization()
    scale.adapt(steps)
    model = keras.Sequential(
        [
            keras.Input((None, steps.shape[1])),
            layers.Masking(PAD),  # first: scaled padding is not PAD
            scale,
            layers.Bidirectional(layers.LSTM(64)),
            layers.Dropout(0.3),
            layers.Dense(labels, activation="softmax"),
        ]
    )
    adam = keras.optimizers.Adam(0.003, clipnorm=1.0)
    model.compile(adam, loss="sparse_categorical_crossentropy")
    return model


def predict(table):
    """The label of each sequence, and how sure the network is of it."""
    if not MODEL.exists():
        sys.exit(f"there is no {MODEL} yet: run without a file to train it")
    model = keras.models.load_model(MODEL)
    notes = json.loads(ZipFile(MODEL).read("notes.json"))
    ids, arrays = sequences(table, notes["columns"])
    p = model.predict(pad(arrays), verbose=0)
    label = np.array(notes["labels"])[p.argmax(axis=1)]
    return pd.DataFrame({ID: ids, LABEL: label, "p": p.max(axis=1)})


def main():
    table = load(FILE)
    need(table, [ID, LABEL, GROUP])
    for name in (LABEL, GROUP):
        first = table.groupby(ID)[name].transform("first")
        refuse(table[name] != first, table[name], f"is not its {ID}'s first")
    columns = [c for c in table if c not in (ID, TIME, LABEL, GROUP)]
    ids, arrays = sequences(table, columns)
    facts = table.groupby(ID)[[LABEL, GROUP]].first().loc[ids]
    labels, y = np.unique(facts[LABEL], return_inverse=True)
    names, group = np.unique(facts[GROUP], return_inverse=True)
    part = np.random.default_rng(0).permutation(len(names))[group] % 7
    train, validation, test = part > 1, part == 1, part == 0
    print("sequences:", train.sum(), validation.sum(), test.sum())
    few = len(names) < 3 or len(labels) < 2 or set(y[train]) < set(y)
    if few or min(np.bincount(y)) < 3:
        count = facts[LABEL].value_counts().to_dict()
        sys.exit(f"too few sequences to learn and to test: {count}")

    keras.utils.set_random_seed(0)
    X = pad(arrays)
    steps = [a for a, learn in zip(arrays, train, strict=True) if learn]
    model = network(np.concatenate(steps), len(labels))
    stop = EarlyStopping(patience=10, restore_best_weights=True)
    watch = [stop, TqdmCallback(verbose=0)]
    held = X[validation], y[validation]
    how = {"epochs": EPOCHS, "validation_data": held, "callbacks": watch}
    model.fit(X[train], y[train], **how, verbose=0)

    brief = [[*a.mean(0), *a.std(0), *a[0], *a[-1], len(a)] for a in arrays]
    ridge = make_pipeline(StandardScaler(), RidgeClassifier())
    ridge.fit(np.array(brief)[train], y[train])
    p = model.predict(X[test], verbose=0)
    hits = {
        "most frequent label": np.bincount(y[train]).argmax() == y[test],
        "ridge": ridge.predict(np.array(brief)[test]) == y[test],
        "network": p.argmax(axis=1) == y[test],
    }
    for name, hit in hits.items():
        print(f"{name:20}{hit.mean():.3f}")
    best = max([*hits][:-1], key=lambda name: hits[name].mean())
    gain = hits["network"] * 1.0 - hits[best]
    far = abs(gain.mean()) > 2 * gain.std() / len(gain) ** 0.5
    word = "ahead of" if gain.mean() > 0 else "behind"
    print("The network is", word if far else "level with", f"{best}.")

    # An interrupted run leaves the old model whole.
    new = MODEL.with_suffix(".new.keras")
    model.save(new)
    with ZipFile(new, "a") as file:
        notes = {"columns": columns, "labels": labels.tolist()}
        file.writestr("notes.json", json.dumps(notes))
    new.replace(MODEL)
    again = predict(table[table[ID].isin(ids[test])])
    assert np.allclose(again["p"], p.max(axis=1), atol=1e-5)
    print(again.head(3).to_string(index=False))


if __name__ == "__main__":
    if sys.argv[1:]:
        print(predict(load(sys.argv[1])).to_csv(index=False), end="")
    else:
        main()
