"""What people ask, typed into the site's search, leads to the answer.

The questions are those that forums of Keras, TensorFlow and PyTorch see most
often, and the messages that people paste.
"""

import contextlib
import re

import pytest

# The answer is among so many pages, and among so many sections of its page.
SEEN = 3

# What a reader types -> the section that answers. The numbers are the threads
# that ask it.
QUESTIONS = [
    (
        "generate music with an LSTM",
        "applications/bach-chorales/",
    ),
    (
        "predict several notes at once",
        "applications/bach-chorales/",
    ),
    (
        "harmonise a melody",
        "applications/bach-chorales/",
    ),
    # keras#278, 1029, 8685, 11547, 13570
    (
        "TimeDistributed or Dense",
        "practice/errors-and-wrong-results/#timedistributed-or-dense",
    ),
    # keras#858, 3038
    (
        "what does return_sequences return",
        "practice/shapes-and-returns/#what-does-return_sequences-return",
    ),
    # keras#2634, 7632, 11726
    (
        "which returned state is h and which is c",
        "practice/shapes-and-returns/"
        "#which-returned-state-is-h-and-which-is-c-return_state-of-an-lstm",
    ),
    # tensorflow#36624
    (
        "return_state in Sequential",
        "practice/states-in-and-out/#return_state-in-sequential",
    ),
    # keras#1125, 2030, 13262, 20327
    (
        "stateful last partial batch",
        "practice/long-sequences/#the-last-partial-batch-with-statefultrue",
    ),
    # tensorflow#43960
    ("GRU 150 or 165 parameters", "gru/in-detail/#count-the-parameters"),
    # pytorch#8153, 20129, 99531
    (
        "GRU formula differs from the paper",
        "gru/in-detail/#which-formula-of-the-gru-papers-and-libraries",
    ),
    # keras#3088, 8720, tensorflow#29308
    ("gate order", "reference/weights/#gate-order-the-layouts"),
    # tensorflow#33069, 40982
    (
        "mask with cuDNN",
        "practice/masks-in-detail/#mask-and-cudnn-right-padded-only",
    ),
    # keras#4196, 4752, tensorflow#34491
    (
        "masked loss",
        "practice/padding-and-masking/#masked-loss-is-the-padding-counted-"
        "embedding-mask_zero-and-the-loss",
    ),
    # keras#13266
    (
        "seq2seq accuracy counts padding",
        "topologies/encoder-decoder/"
        "#seq2seq-accuracy-padding-counted-or-masked",
    ),
    # keras#8823, 3448
    (
        "Bidirectional states order",
        "practice/stacked-and-bidirectional/#bidirectional-states-order-"
        "forward_h-forward_c-backward_h-backward_c",
    ),
    # tensorflow#38236, keras#13221
    (
        "recurrent_dropout slow",
        "practice/initialisation-and-dropout/#recurrent_dropout-slow-why",
    ),
    (
        "recurrent_dropout nan",
        "practice/initialisation-and-dropout/"
        "#recurrent_dropout-nan-relu-or-an-old-keras-3",
    ),
    (
        "recurrent_dropout does nothing",
        "practice/initialisation-and-dropout/"
        "#recurrent_dropout-or-dropout-does-nothing-trainingtrue-and-rate-1",
    ),
    # tensorflow#62849
    (
        "TFLite TensorListReserve",
        "practice/save-export-serve/"
        "#convert-an-lstm-to-tflite-tensorlistreserve",
    ),
    # tensorflow#40139
    (
        "leakage normalising time series",
        "rnn/leaks-and-levels/"
        "#data-leakage-normalising-over-everything-splitting-at-random",
    ),
    (
        "cannot reproduce the adding problem",
        "labs/adding-problem/#if-you-cannot-reproduce-the-adding-problem",
    ),
    # tensorflow/text#1268, 1305
    (
        "text generation tutorial Keras 3",
        "practice/keras-2-to-3/"
        "#text-generation-tutorial-keras-3-get_initial_state",
    ),
    # Messages, as they are pasted.
    (
        'Input 0 of layer "lstm_3" is incompatible with the layer: expected '
        "ndim=3, found ndim=2. Full shape received: (None, 5)",
        "practice/errors/#expected-ndim3-found-ndim2",
    ),
    (
        'Layer "dense" expects 1 input(s), but it received 3 input tensors.',
        "practice/errors/#expects-1-inputs-but-it-received-3-input-tensors",
    ),
    (
        "ValueError: If an RNN is stateful, the batch size of the input "
        "sequences must be the same",
        "practice/errors/#if-an-rnn-is-stateful-the-batch-size-of-the-input-"
        "sequences-must-be-the-same",
    ),
    (
        "AttributeError: 'Sequential' object has no attribute 'reset_states'",
        "practice/errors/#sequential-object-has-no-attribute-reset_states",
    ),
    (
        "Unrecognized keyword arguments passed to LSTM: "
        "{'batch_input_shape': (2, 5, 3)}",
        "practice/errors/#unrecognized-keyword-arguments-passed-to-lstm",
    ),
    (
        "Failed to convert a NumPy array to a Tensor (Unsupported object "
        "type list).",
        "practice/errors/#failed-to-convert-a-numpy-array-to-a-tensor-"
        "unsupported-object-type-list",
    ),
    ("loss: nan", "practice/errors-and-wrong-results/#loss-nan"),
    (
        "dtype='string' is not a valid dtype for Keras type promotion",
        "practice/errors/"
        "#dtypestring-is-not-a-valid-dtype-for-keras-type-promotion",
    ),
    # The rest of what this part promises.
    (
        "teacher forcing",
        "topologies/encoder-decoder/"
        "#teacher-forcing-the-target-shifted-by-one",
    ),
    (
        "inference loop decoder",
        "topologies/encoder-decoder/"
        "#the-inference-loop-the-decoder-one-step-at-a-time",
    ),
    (
        "what do masked steps return",
        "practice/padding-and-masking/#what-do-masked-steps-return",
    ),
    (
        "pre or post padding",
        "practice/padding-and-masking/"
        "#pre-or-post-padding-with-mask-or-without",
    ),
    ("run a keras LSTM in javascript", "practice/the-cell-in-javascript/"),
    ("mixture density network", "applications/writing-characters/"),
    ("handwriting generation", "applications/writing-characters/"),
    ("jax scan training loop keras", "practice/a-thousand-updates/"),
    (
        "train many seeds at once",
        "practice/a-thousand-updates/#train-many-seeds-at-once-jaxvmap",
    ),
    (
        "export LSTM to onnx",
        "practice/save-export-serve/#export-an-lstm-to-onnx",
    ),
    (
        "streaming prediction keep state between calls",
        "practice/save-export-serve/"
        "#streaming-prediction-keep-the-state-between-calls",
    ),
    (
        "CuDNNLSTM removed",
        "practice/keras-2-to-3/"
        "#cudnnlstm-removed-time_major-implementation-experimental",
    ),
    (
        "why is LSTM training slow",
        "practice/speed/#why-is-lstm-training-slow-at-first-tracing",
    ),
    (
        "MultiWorkerMirroredStrategy Keras 3",
        "practice/more-than-one-device/#multiworkermirroredstrategy-in-"
        "keras-3-tfdistribute-with-an-lstm-on-two-workers",
    ),
    (
        "truncated backpropagation",
        "practice/long-sequences/#truncated-backpropagation-through-time",
    ),
    (
        "clipnorm or global_clipnorm",
        "practice/initialisation-and-dropout/"
        "#clipnorm-global_clipnorm-clipvalue-the-difference",
    ),
    (
        "minGRU parallel scan",
        "beyond/recurrence-today/#parallel-scan-and-kerasopsassociative_scan",
    ),
    (
        "one to many RepeatVector",
        "topologies/one-to-many/#repeatvector",
    ),
    (
        "attention heat map alignment",
        "beyond/attention/#attention-weights-as-a-heat-map-an-alignment",
    ),
    # the applications
    (
        "recursive or direct multi-step forecast",
        "applications/forecasting/#direct-or-recursive-multi-step-forecast-the-error-by-horizon",
    ),
    (
        "prediction interval coverage",
        "applications/forecasting/#prediction-intervals-quantile-loss-or-residual-quantiles",
    ),
    (
        "NaN in the window",
        "applications/forecasting/#nan-in-the-window-fahrenheit-instead-of-celsius-a-sensor-stuck",
    ),
    (
        "class imbalance macro-F1",
        "applications/classifying/#class-imbalance-accuracy-or-macro-f1",
    ),
    (
        "saliency over characters",
        "applications/classifying/#what-did-the-model-read-saliency-over-characters",
    ),
    (
        "sampling temperature top-k",
        "applications/generating/#sample-with-temperature-and-top-k",
    ),
    (
        "generated text is in the training data",
        "applications/generating/#memorised-or-generalised-generated-text-found-in-the-training-data",
    ),
    (
        "tied embeddings",
        "applications/tang-quatrains/#tied-embeddings-and-a-start-from-the-counts",
    ),
    (
        "sequence labelling most frequent baseline",
        "applications/labelling/#the-most-frequent-label-baseline",
    ),
    (
        "BLEU chrF sacrebleu",
        "translation/chinese-to-english/#bleu-chrf-and-exact-match-with-sacrebleu",
    ),
    (
        "Chinese tokenisation jieba",
        "translation/chinese-to-english/#chinese-tokenisation-characters-or-jieba-words",
    ),
    (
        "beam search or greedy",
        "translation/dates/#greedy-or-beam-search",
    ),
    (
        "is a recurrent network worth it",
        "applications/#when-is-a-recurrent-network-worth-it",
    ),
    (
        "licence of the data",
        "reference/data/#data-sets-sources-licences",
    ),
    # These led elsewhere once.
    (
        "load csv",
        "start/#quick-start-load-a-csv-file",
    ),
    (
        "exogenous",
        "start/forecast/#what-each-part-decides",
    ),
    (
        "early stopping",
        "rnn/how-to-use-one/#train",
    ),
    (
        "multi-label",
        "start/classify-lines/",
    ),
    ("quick start", "start/#quick-start-load-a-csv-file"),
    (
        "classify multivariate time series",
        "start/classify/#what-each-part-decides",
    ),
    (
        "multiple time series one model",
        "start/forecast-many/#what-each-part-decides",
    ),
    (
        "validation loss stop training restore best weights",
        "rnn/how-to-use-one/#train",
    ),
    (
        "one step at a time stateful",
        "practice/save-export-serve/#streaming-prediction-keep-the-state-"
        "between-calls",
    ),
    (
        "GRU on GPU cuDNN",
        "practice/gpu/#cudnn-the-conditions-and-which-layers-meet-them",
    ),
    # Forty threads, chosen before the site was asked: it answered twenty.
    # SO: stackoverflow.com (a question, or an answer to one); datascience, ai,
    # stats: *.stackexchange.com.
    # keras#85, 4605, 6776
    (
        "LSTM variable length sequences",
        "practice/padding-and-masking/#pad-to-one-length-pad_sequences",
    ),
    # SO 51932767, 44273249
    (
        "meaning of units in LSTM",
        "rnn/what-is-an-rnn/#one-step",
    ),
    # datascience 82808
    (
        "difference between cell state and hidden state",
        "lstm/the-cell/#two-states",
    ),
    # datascience 76826, SO 49882499
    (
        "predictions lagging behind true values",
        "practice/right-looking-claims/#21-the-forecast-follows-the-curve-so-"
        "the-model-has-skill",
    ),
    # keras#160, 2721, 3522
    (
        "stacking multiple LSTM layers",
        "practice/stacked-and-bidirectional/#stack-lstm-layers-expected-"
        "ndim3-found-ndim2",
    ),
    # pytorch#3587, yunjey/pytorch-tutorial#149
    (
        "output of bidirectional LSTM last hidden state",
        "practice/stacked-and-bidirectional/#bidirectional-last-output-where-"
        "is-the-backward-summary",
    ),
    # keras#5242, 8528
    (
        "LSTM on CPU faster than GPU",
        "practice/gpu/#is-a-gpu-faster-than-a-cpu-for-an-lstm",
    ),
    # tianshilu/pMTnet#11, tensorflow#30535
    (
        "Layer lstm_2 will not use cuDNN kernels since it doesn't meet the "
        "criteria",
        "practice/gpu/#cudnn-the-conditions-and-which-layers-meet-them",
    ),
    # SO 48361376, harish2704/pottan-ocr#13
    (
        "convert PyTorch LSTM weights to Keras",
        "reference/weights/#keras-to-pytorch",
    ),
    # datascience 128705
    (
        "number of parameters of an LSTM",
        "lstm/in-detail/#count",
    ),
    # keras#15398, 8440
    (
        "different output after save and load LSTM",
        "practice/save-export-serve/#save-and-load-a-keras-lstm",
    ),
    # keras#13088, 2995
    (
        "initialize LSTM initial state manually",
        "practice/states-in-and-out/#initial_state-start-from-a-state-of-"
        "your-own",
    ),
    # keras#13189, 4978, 7588
    (
        "Layer flatten does not support masking",
        "practice/padding-and-masking/#which-layers-keep-the-mask-which-drop-"
        "it",
    ),
    # keras#4962
    (
        "attention on top of LSTM",
        "beyond/attention/#dot-product-attention-in-numpy-layersattention",
    ),
    # keras#3730, 10193
    (
        "BatchNormalization with LSTM",
        "practice/initialisation-and-dropout/#batchnormalization-over-time-"
        "reads-the-future",
    ),
    # keras#4112, 11615, tensorflow#27445
    (
        "custom RNN cell",
        "practice/keras-2-to-3/#a-cell-of-your-own",
    ),
    # datascience 56924
    (
        "denormalize predictions scaler inverse_transform",
        "rnn/the-next-value-of-your-series/#the-next-value",
    ),
    # datascience 52727
    (
        "MinMaxScaler when predictions fall outside of training range",
        "rnn/leaks-and-levels/#raw-levels-fail-outside-the-range",
    ),
    # huseinzol05/Stock-Prediction-Models#126
    (
        "data leakage fit scaler on test data",
        "rnn/leaks-and-levels/#data-leakage-normalising-over-everything-"
        "splitting-at-random",
    ),
    # SO 67237834
    (
        "exploding gradients clip_grad_norm",
        "practice/initialisation-and-dropout/#clipnorm-global_clipnorm-"
        "clipvalue-the-difference",
    ),
    # stats 493346
    (
        "how does LSTM prevent vanishing gradient",
        "lstm/in-detail/#why-the-gradient-survives",
    ),
    # keras#2322, SO 43702481
    (
        "stateful LSTM predict with different batch size",
        "practice/long-sequences/#the-batch-size-must-be-fixed-batch_size-in-"
        "input",
    ),
    # keras#14155, 5714, 7441
    (
        "stateful=False during training and stateful=True during prediction",
        "practice/save-export-serve/#streaming-prediction-keep-the-state-"
        "between-calls",
    ),
    # hit-computer/char-rnn#3, minimaxir/textgenrnn#19
    (
        "generated text repeats the same words",
        "applications/generating/#sample-with-temperature-and-top-k",
    ),
    # keras#4756, 10231
    (
        "reset_states after each epoch",
        "practice/long-sequences/#does-fit-reset-the-state-between-epochs",
    ),
    # farizrahman4u/seq2seq#243, thushv89/exercises_thushv_dot_com#4
    (
        "seq2seq inference after training",
        "topologies/encoder-decoder/#the-inference-loop-the-decoder-one-step-"
        "at-a-time",
    ),
    # tensorflow#33178, keras#6711
    (
        "OOM LSTM long sequences out of memory",
        "practice/errors/#resourceexhaustederror-oom-when-allocating-tensor",
    ),
    # pytorch#21571
    (
        "retrieve hidden states for all time steps",
        "practice/shapes-and-returns/#what-does-return_sequences-return",
    ),
    # keras#8568, 12958, 2045
    (
        "reshape my dataset for LSTM samples timesteps features",
        "practice/shapes-and-returns/#make-3d-out-of-a-series-or-a-table-"
        "windows",
    ),
    # keras#3683
    (
        "LSTM dynamic timesteps input shape None",
        "practice/shapes-and-returns/#what-does-none-mean-in-a-shape",
    ),
    # keras#9112
    (
        "GRU reset_after",
        "gru/in-detail/#before-or-after-the-product",
    ),
    # keras#5853
    (
        "LSTM classification multiple categories",
        "topologies/many-to-one/#a-class-for-each-sequence",
    ),
    # keras#20750, jongwon-han/RPNet#1
    (
        "Unrecognized keyword arguments passed to GRU: {'time_major': False}",
        "practice/keras-2-to-3/#load-an-h5-of-keras-2-time_major",
    ),
    # keras#2819, 816
    (
        "NaN missing values masking",
        "practice/padding-and-masking/#which-value-to-pad-with-0-in-real-"
        "data-nan-scaled-padding",
    ),
    # keras#1624, 3440, 3653, tensorflow#45649
    (
        "class_weight 3D target timesteps",
        "practice/errors/#class_weight-incompatible-shapes-of-a-label-for-"
        "each-step",
    ),
    # keras#13118, 11006, tensorflow#44711
    (
        "model.predict in loop very slow",
        "practice/speed/#modelpredict-in-a-loop-is-slow",
    ),
    # tensorflow#36302, 38561
    (
        "WARNING:tensorflow:5 out of the last 5 calls to triggered "
        "tf.function retracing",
        "practice/errors-and-wrong-results/#5-out-of-the-last-5-calls-"
        "triggered-tffunction-retracing",
    ),
    # tensorflow#41213, 35095
    (
        "MirroredStrategy slows down training",
        "practice/more-than-one-device/#is-it-faster-here",
    ),
    # ai 21361
    (
        "when to use GRU over LSTM",
        "gru/lstm-or-gru/#so-which",
    ),
    # datascience 33559
    (
        "LSTM window size and number of units time series",
        "rnn/the-next-value-of-your-series/#windows",
    ),
    # keras#9797, 4264, 8517
    (
        "trainable initial state",
        "practice/states-in-and-out/#a-trainable-initial-state-learn-h0-and-c0",
    ),
    # keras#1401, 4523, 5203, 7231, 10753
    (
        "autoencoder",
        "topologies/encoder-decoder/#lstm-autoencoder-reconstruct-a-sequence",
    ),
    # keras#439, 850, 2743
    (
        "reproducible runs",
        "practice/errors-and-wrong-results/"
        "#reproducible-runs-set_random_seed-enable_op_determinism",
    ),
    # keras#472, 605, 2330, 2344, 4531
    (
        "validation loss below training loss",
        "practice/errors-and-wrong-results/"
        "#validation-loss-below-the-training-loss",
    ),
    # keras#1727, 3378, 9889
    (
        "same prediction for every input",
        "practice/errors-and-wrong-results/"
        "#the-same-prediction-for-every-input",
    ),
    # tensorflow#60646, 62994, 63362
    ("train LSTM on GPU", "practice/gpu/"),
    ("is my GPU used", "practice/gpu/#is-my-gpu-used"),
    ("install tensorflow GPU", "practice/gpu/#install"),
    ("CTC loss", "topologies/unaligned/"),
    (
        "CTC loss infinite",
        "topologies/unaligned/#ctc-loss-infinite-why-repeats-need-a-blank",
    ),
    ("ctc_decode greedy or beam", "topologies/unaligned/#greedy-or-beam"),
    (
        "parity length generalisation transformer or RNN",
        "labs/regular-languages/#parity-length-generalisation-of-rnn-and-transformer",
    ),
    (
        "which networks can track state of an automaton",
        "labs/regular-languages/#state-tracking-four-automata",
    ),
    (
        "echo state network spectral radius leak",
        "beyond/echo-states/#the-reservoir-spectral-radius-and-leak",
    ),
    (
        "reservoir washout",
        "beyond/echo-states/#washout-does-the-beginning-fade",
    ),
    ("one step at a time", "practice/one-step-at-a-time/"),
    (
        "real time inference latency",
        "practice/one-step-at-a-time/#real-time-inference-predict-in-six-ways",
    ),
    ("sensor deadline each reading", "practice/one-step-at-a-time/"),
    (
        "lost reading sensor stream",
        "practice/one-step-at-a-time/#a-lost-reading",
    ),
    (
        "save state of LSTM after crash",
        "practice/one-step-at-a-time/#a-crash",
    ),
    ("sums carry digits", "applications/sums/"),
    ("network that adds sums", "applications/sums/"),
    ("sums never seen", "applications/sums/#the-data-sums-never-seen"),
    ("what does reversing do", "applications/sums/#what-reversing-does"),
    (
        "change the state see the answer change",
        "applications/sums/#change-the-state-and-see-the-answer-change",
    ),
]


@contextlib.contextmanager
def asking(browser, address, empty, found):
    """Types into the search of the home page; the links it then lists."""
    tab = browser.new_page(base_url=address)
    tab.goto("", wait_until="networkidle")
    assert tab.evaluate(
        "performance.getEntriesByType('resource')"
        ".every(entry => !entry.name.includes('search_index'))"
    ), "the search index is fetched before anybody searches"
    tab.keyboard.press("/")
    box = tab.locator(".md-search__input")
    status = tab.locator(".md-search-result__meta")

    def ask(words):
        box.fill("")
        tab.keyboard.press("End")  # it listens to keys
        status.get_by_text(empty).wait_for()
        box.fill(words)
        tab.keyboard.press("End")
        status.get_by_text(found).wait_for()
        links = tab.locator(".md-search-result__link")
        hrefs = links.evaluate_all("all => all.map(link => link.href)")
        return [href.removeprefix(address) for href in hrefs]

    yield ask
    tab.close()


@pytest.fixture(scope="module")
def ask(browser, address):
    empty, found = "Type to start searching", "matching document"
    with asking(browser, address, empty, found) as ask:
        yield ask


def leads_to(links, answer):
    sections = {}  # of each page, in the order of the list
    for link in links:
        page, _, section = re.sub(r"\?h=[^#]*", "", link).partition("#")
        sections.setdefault(page, []).append(section)
    page, _, section = answer.partition("#")
    assert page in list(sections)[:SEEN]
    # The first link of a page leads to its top.
    assert section in sections[page][: SEEN + 1]


@pytest.mark.xdist_group("search")
@pytest.mark.parametrize(("words", "answer"), QUESTIONS)
def test_search_leads_to_the_answer(ask, words, answer):
    leads_to(ask(words), answer)
