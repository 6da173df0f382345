# %% four-situations
import numpy as np

x = np.array(
    [
        [0.3, 0, 0],  # value, write, fresh
        [0.3, 0, 1],
        [0.3, 1, 0],
        [0.3, 1, 1],
    ]
)
h = np.full((4, 1), 0.6)  # the pad holds 0.6 in all four


# %% reset-gate
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


W_r = np.array([[0], [0], [-20]])  # rows: value, write, fresh
U_r, b_r = np.array([[0]]), np.array([10])
r = sigmoid(x @ W_r + h @ U_r + b_r)

print("fresh ", x[:, 2])
print("r     ", r[:, 0].round(2))

# %% candidate
W_h = np.array([[1], [0], [0]])
U_h, b_h = np.array([[1]]), np.array([0])
h_tilde = np.tanh(x @ W_h + (r * h) @ U_h + b_h)

print("r       ", r[:, 0].round(2))
print("h_tilde ", h_tilde[:, 0].round(2))
assert np.allclose(h_tilde[[0, 2]], np.tanh(0.3 + 0.6), atol=1e-4)  # added
assert np.allclose(h_tilde[[1, 3]], np.tanh(0.3), atol=1e-4)  # started anew

# %% update-gate
W_z = np.array([[0], [-20], [0]])
U_z, b_z = np.array([[0]]), np.array([10])
z = sigmoid(x @ W_z + h @ U_z + b_z)

print("write ", x[:, 1])
print("z     ", z[:, 0].round(2))

# %% the-mix
h_new = z * h + (1 - z) * h_tilde

print("  write   fresh       r h_tilde       z       h")
for row in np.hstack([x[:, 1:], r, h_tilde, z, h_new]):
    print(" ".join(f"{number:7.2f}" for number in row))
assert np.allclose(h_new[:2], 0.6, atol=1e-4)  # kept, fresh or not
assert np.allclose(h_new[2:], h_tilde[2:], atol=1e-4)  # replaced


# %% eight-steps
def step(x, h):
    r = sigmoid(x @ W_r + h @ U_r + b_r)
    h_tilde = np.tanh(x @ W_h + (r * h) @ U_h + b_h)
    z = sigmoid(x @ W_z + h @ U_z + b_z)
    return z * h + (1 - z) * h_tilde


def every_h():
    """What the pad holds after each of the eight steps."""
    h, held = np.zeros((1, 1)), []
    for x in sequence:
        h = step(x[None], h)
        held.append(h[0, 0])
    return np.array(held)


value = [0.6, 0.3, 0.3, 0.3, 0.5, 0.3, -0.8, -0.8]
write = [1, 0, 0, 1, 0, 1, 0, 1]
fresh = [1, 0, 1, 0, 0, 1, 1, 0]
sequence = np.stack([value, write, fresh], axis=1)  # (8, 3)
W, U = np.hstack([W_z, W_r, W_h]), np.hstack([U_z, U_r, U_h])
b = np.hstack([b_z, b_r, b_h])  # Keras's order: z, r, h
halves = {"W": W.astype("float16"), "U": U.astype("float16")}
np.savez("the-cell.npz", **halves, b=b, x=sequence.astype("float32"))
computed = every_h()
print("value     ", *(f"{number:5.2f}" for number in value))
print("write     ", *(f"{flag:5}" for flag in write))
print("fresh     ", *(f"{flag:5}" for flag in fresh))
print("h         ", *(f"{number:5.2f}" for number in computed))

# %% hold-a-gate
b_r = np.array([40])  # the reset gate is 1, whatever it reads
open_r = every_h()
b_r = np.array([-40])  # and 0
shut_r = every_h()
b_r = np.array([10])
print("r open    ", *(f"{number:5.2f}" for number in open_r))
print("r shut    ", *(f"{number:5.2f}" for number in shut_r))
for held in (open_r, shut_r):  # whatever r is, the pad keeps
    assert np.allclose(held[[1, 2, 4, 6]], held[[0, 1, 3, 5]], atol=1e-3)
assert np.isclose(open_r[5], np.tanh(0.3 + open_r[4]), atol=1e-3)

# %% two-steps
h = np.array([[0.6]])
for command in ([-0.8, 0, 1], [-0.8, 1, 0]):
    h = step(np.array([command]), h)
    print(f"after value, write, fresh = {command}: h = {h[0, 0]:.2f}")
assert np.isclose(h[0, 0], np.tanh(-0.8 + 0.6), atol=1e-3)

# %% a-leaking-gate
b_z = np.array([2.2])
h = np.array([[0.6]])
for t in range(1, 51):
    h = step(np.array([[0, 0, 1]]), h)
    if t in (10, 50):
        print(f"after {t} steps {h[0, 0] / 0.6:.3f} of it is left")
assert np.isclose(h[0, 0] / 0.6, sigmoid(2.2) ** 50, rtol=1e-3)
