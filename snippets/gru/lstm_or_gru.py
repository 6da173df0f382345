# %% count
from keras import layers

units, features = 128, 64
for cell in (layers.LSTM, layers.GRU):
    layer = cell(units)
    layer.build((None, None, features))
    print(f"{cell.__name__:4} {layer.count_params():,} parameters")
assert layer.count_params() == 3 * units * (features + units + 2)

# %% equal-units
lstm = layers.LSTM(108)
lstm.build((None, None, 64))
print(f"LSTM(108): {lstm.count_params():,} parameters")
assert abs(lstm.count_params() / layer.count_params() - 1) < 0.01

# %% other-sizes
for units, features in ((16, 1), (64, 64), (512, 300)):
    lstm, gru = layers.LSTM(units), layers.GRU(units)
    for layer in (lstm, gru):
        layer.build((None, None, features))
    ratio = gru.count_params() / lstm.count_params()
    print(f"{units:3} units, {features:3} features: {ratio:.3f}")
    assert 0.75 < ratio < 0.8
