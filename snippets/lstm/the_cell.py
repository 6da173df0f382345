# %% one-step-to-follow
import keras
import numpy as np

np.set_printoptions(precision=2, suppress=True, floatmode="fixed")

#            value store  ask
x = np.array([0.8, 1.0, 0.0])  # x_3, what comes in
#           keeper  average
h = np.array([0.00, 0.33])  # h_2, handed on by step 2
c = np.array([0.29, 0.34])  # c_2, handed on by step 2


# %% forget-gate
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


W_f = np.array([[0, 0], [-20, 0], [0, 0]])  # rows: value, store, ask
U_f = np.array([[-60, 0], [0, 0]])  # rows: h of keeper, of average
b_f = np.array([10, 0])
f = sigmoid(x @ W_f + h @ U_f + b_f)
print("f", f, "keeps", f * c)

# %% input-gate-and-candidate
W_i = np.array([[0, 0], [20, 0], [0, 0]])
b_i = np.array([-10, 0])
W_c = np.array([[1, 1], [0, 0], [0, 0]])
no_U, no_b = np.zeros((2, 2)), np.zeros(2)
i = sigmoid(x @ W_i + h @ no_U + b_i)
c_tilde = np.tanh(x @ W_c + h @ no_U + no_b)
print("i", i, "lets in", i * c_tilde)

# %% cell-state
c = f * c + i * c_tilde
print("c", c)

# %% output-gate
W_o = np.array([[0, 0], [0, 0], [20, 0]])
b_o = np.array([-10, 10])
o = sigmoid(x @ W_o + h @ no_U + b_o)
h = o * np.tanh(c)
print("o", o, "shows", h)


# %% eight-steps
def step(x, h, c):
    f = sigmoid(x @ W_f + h @ U_f + b_f)
    i = sigmoid(x @ W_i + h @ no_U + b_i)
    o = sigmoid(x @ W_o + h @ no_U + b_o)
    c_tilde = np.tanh(x @ W_c + h @ no_U + no_b)
    c = f * c + i * c_tilde
    return o * np.tanh(c), c, (f, i, o)


value = [0.3, 0.6, 0.8, 0.1, 0.9, 0.2, 0.5, 0.4]
store = [1, 0, 1, 0, 0, 0, 0, 0]
ask = [0, 0, 0, 0, 0, 1, 0, 1]
sequence = np.stack([value, store, ask], axis=1)  # (8, 3)

h, c, every_h = np.zeros(2), np.zeros(2), []
print("t value store ask    f    i    o    c    h   of keeper")
for t, x in enumerate(sequence, 1):
    h, c, gates = step(x, h, c)
    every_h.append(h)
    row = [gate[0] for gate in gates] + [c[0], h[0]]
    print(f"{t} {x[0]:5} {x[1]:5.0f} {x[2]:3.0f}", *(f"{n:4.2f}" for n in row))

# %% in-keras
layer = keras.layers.LSTM(2, return_sequences=True)
layer.build((1, 8, 3))
W = np.hstack([W_i, W_f, W_c, W_o])  # Keras's order: i, f, c, o
U = np.hstack([no_U, U_f, no_U, no_U])
b = np.hstack([b_i, b_f, no_b, b_o])
layer.set_weights([W, U, b])
assert np.abs(layer(sequence[None])[0] - np.array(every_h)).max() < 1e-6
assert layer.count_params() == 4 * (2 * (3 + 2) + 2) == 48


# %% fifty-steps-later
def left_of_a_nudge(steps):
    c, nudged = np.array([0.66, 0.50]), np.array([0.67, 0.51])
    h = h_nudged = np.zeros(2)
    for _ in range(steps):
        silence = np.array([0.5, 0.0, 0.0])  # a value, and no flag
        h, c, _ = step(silence, h, c)
        h_nudged, nudged, _ = step(silence, h_nudged, nudged)
    return (nudged - c) / 0.01


print("left:", left_of_a_nudge(50))
# %% weights-for-the-picture
halves = {"W": W.astype("float16"), "U": U.astype("float16")}
np.savez("the-cell.npz", **halves, b=b, x=sequence.astype("float32"))


# %% hold-a-gate
def every_c():
    """c of the keeper at each of the eight steps."""
    h = c = np.zeros(2)
    kept = []
    for x in sequence:
        h, c, _ = step(x, h, c)
        kept.append(c[0])
    return np.array(kept)


b_o = np.array([1000, 10])  # the keeper's gate is 1, whatever it reads
print("always shows   ", shown := every_c())
b_f = np.array([1000, 0])
print("forgets nothing", added := every_c())
assert (shown[:2] > 0.01).tolist() == [True, False]  # answered, and cleared
assert np.allclose(added[2:], np.tanh(0.3) + np.tanh(0.8), atol=1e-3)

# %% all-gates-open
c = 0.52
for _ in range(5):
    c = 1 * c + 1 * 0.2  # f = 1 and i = 1
h = 1 * np.tanh(c)  # o = 1
print(f"c {c:.2f}, h {h:.2f}")
assert np.isclose(c, 1.52)

# %% a-longer-average
before = left_of_a_nudge(10)[1]
b_f = np.array([10, 2.2])  # step reads it at each call
after = left_of_a_nudge(10)[1]
print(f"forget gate {sigmoid(0):.2f}: {before:.1%} left after ten steps")
print(f"forget gate {sigmoid(2.2):.2f}: {after:.1%} left after ten steps")
assert np.isclose(sigmoid(np.log(9)), 0.9)  # the exact bias for 0.9
assert sigmoid(1) ** 10 < 0.05 < 0.3 < 0.9**10 and after > 0.3
