"""The Chinese edition says what the English one says, and is built as well."""

import json
import re
from urllib.parse import urldefrag, urljoin

import pytest
import yaml

from tests.test_course import COURSE, Loader
from tests.test_explorers import PHONE
from tests.test_search import asking, leads_to
from tests.test_site import audit, parsed, unfold
from tests.test_site import url as address_of
from unrolled import parity, words
from unrolled.editions import BELOW
from unrolled.page import CHINESE, ROOT, Page, pages

PAGES = pages(edition=CHINESE)
PHONE_AND_DESK = [
    PHONE | {"color_scheme": "dark"},
    {"viewport": {"width": 1280, "height": 844}},
]
IN_COURSE = {page.name for page in map(Page, COURSE)}
KNOWN = parity.recorded()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_translation_says_what_the_english_page_says(page):
    checks = [parity.check_sections(page), parity.check_text(page, KNOWN)]
    mistakes = [str(m) for check in checks for m in check]
    assert not mistakes, "\n".join(mistakes)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_translation_follows_its_original(page, record_property):
    """On the course; of other pages it is noted at the end of the tests."""
    changes = "\n".join(map(str, parity.check_changes(page, KNOWN)))
    if page.name in IN_COURSE:
        assert not changes, changes
    elif changes:
        record_property("note", changes)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_chinese_is_set_as_chinese(page):
    mistakes = list(map(str, parity.check_typography(page)))
    assert not mistakes, "\n".join(mistakes)


def test_no_record_outlives_its_translation():
    names = {page.name.as_posix() for page in PAGES}
    assert {key.split("#")[0] for key in KNOWN} <= names


# What goes wrong is noticed

ENGLISH_PAGE = """\
---
tensors: {x: input}
---

# One

What?

Two of 30 samples, $h_t$ and `x`.[^a]

$$
h = x
$$

::: one

## Then {#then}

See [two](two.md#more), the 25th.

- 40 %
- 50

[^a]: A note.
"""
CHINESE_PAGE = """\
---
tensors: {x: input}
---

# 一 {#one}

什么？

30 个样本中的两个，$h_t$ 和 `x`。[^a]

$$
h = x
$$

::: one

## 然后 {#then}

见[二](two.md#more)，第 25 个。

- 40%
- 50

[^a]: 脚注。
"""


@pytest.fixture
def pair(tmp_path):
    """An English page, its translation, and the hashes of the one."""
    for edition, text in (("en", ENGLISH_PAGE), ("zh", CHINESE_PAGE)):
        folder = tmp_path / "docs" / edition
        folder.mkdir(parents=True)
        (folder / "one.md").write_text(text, "utf-8")
    (tmp_path / "snippets").mkdir()
    (tmp_path / "snippets/one.py").write_text("# %% one\nx = 1\n")
    original = Page(tmp_path / "docs/en/one.md", tmp_path)
    hashes = {
        f"one#{section.anchor}": section.hash(heading)
        for section, heading in parity.sections(original)
    }
    return tmp_path, hashes


def told(root, hashes):
    page = Page(root / "docs/zh/one.md", root)
    checks = [parity.check_sections(page)]
    if page.original:
        checks.append(parity.check_text(page, hashes))
        checks.append(parity.check_changes(page, hashes))
    checks.append(parity.check_typography(page))
    return "\n".join(str(m) for check in checks for m in check)


def test_a_sound_translation_passes(pair):
    assert told(*pair) == ""


@pytest.mark.parametrize(
    ("edition", "old", "new", "complaint"),
    [
        (
            "zh",
            "30 个",
            "31 个",
            "zh/one.md:9: number: lacks ['30'], has ['31']",
        ),
        ("zh", "$h_t$", "$h_s$", "zh/one.md:9: formula: lacks ['h_t']"),
        ("zh", "h = x", "h = y", "zh/one.md:11: formula: lacks"),
        ("zh", "`x`", "`y`", "zh/one.md:9: code: lacks ['x'], has ['y']"),
        ("zh", "[^a]\n", "\n", "zh/one.md:9: footnote: lacks ['a']"),
        ("zh", "::: one", "::: two", "zh/one.md:15: region or figure"),
        (
            "zh",
            "::: one\n\n",
            "",
            "zh/one.md:13: here is nothing more, and in",
        ),
        ("zh", "two.md#more", "two.md", "zh/one.md:19: link: lacks"),
        ("zh", "第 25 个", "另一个", "zh/one.md:19: number: lacks ['25']"),
        ("zh", "- 50\n", "", "zh/one.md:21: number: lacks ['50']"),
        ("zh", "- 50", "50", "zh/one.md:21: item, row or box: lacks"),
        ("zh", "{#then}", "{#now}", "en/one.md:17, is missing"),
        ("zh", "{#then}", "{#now}", "zh/one.md:17: docs/en/one.md has no sec"),
        (
            "zh",
            " {#then}",
            "",
            "zh/one.md:17: docs/en/one.md has no section #然后",
        ),
        ("zh", "x: input", "y: input", "zh/one.md:1: front matter"),
        (
            "zh",
            "样本中的两个",
            "样本中\n的两个",
            "zh/one.md:9: a space or a line",
        ),
        ("zh", "30 个", "30个", "zh/one.md:9: no space between"),
        ("zh", "什么？", "什么?", "zh/one.md:7: narrow punctuation"),
        ("en", "Two of 30", "Two of 31", "en/one.md:1-15 has changed"),
        ("en", "A note", "Another", "en/one.md:17-24 has changed"),
        ("en", "# One", "# Two", "en/one.md:1-15 has changed"),
    ],
)
def test_drift_is_noticed(pair, edition, old, new, complaint):
    root, hashes = pair
    path = root / "docs" / edition / "one.md"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    assert complaint in told(root, hashes)
    assert "\n  -> " in told(root, hashes)


def test_a_blank_line_does_not_end_a_block_of_code(pair):
    root, _ = pair
    path = root / "docs/zh/one.md"
    more = "\n```text\na\n\nb\n```\n\n或者 8 个。\n"
    path.write_text(path.read_text("utf-8") + more, "utf-8")
    last, _ = parity.sections(Page(path, root))[-1]
    code, after = last.parts[-2:]
    assert (code.kind, after.kind) == ("code", "paragraph")
    assert after.text == "或者 8 个。"


def test_a_translation_of_nothing_is_noticed(pair):
    root, hashes = pair
    (root / "docs/en/one.md").unlink()
    assert "zh/one.md:1: there is no English page one" in told(root, hashes)


def test_a_comment_that_only_tests_read_changes_nothing(pair):
    root, hashes = pair
    path = root / "docs/en/one.md"
    text = path.read_text("utf-8").replace(
        "Two of", "<!--numbers: 30 given-->\nTwo of"
    )
    path.write_text(text, "utf-8")
    assert told(root, hashes) == ""


# The words of the interface

SAID = re.compile(r"""\bsay(?:_in_chinese)?\(\s*["'](.+?)["']\s*[,)]""")
SAID_LIVE = re.compile(r"say`((?:\$\{(?:[^{}`]|\{[^}]*\})*\}|[^`$])*)`")
VALUE = re.compile(r"\$\{(?:[^{}]|\{[^}]*\})*\}")
TEXT = (ROOT / "mkdocs.zh.yml").read_text("utf-8")
TABLE = yaml.load(TEXT, Loader)["extra"]["words"]


def sources(folder, *patterns):
    paths = [p for pattern in patterns for p in (ROOT / folder).rglob(pattern)]
    return "\n".join(path.read_text("utf-8") for path in paths)


def test_each_word_of_the_interface_is_translated():
    """And none that nobody says."""
    frame = sources("unrolled", "*.py", "*.html")
    frame += sources("docs/assets/scripts", "*.js")
    live = sources("docs/live", "*.js")
    said = {*SAID.findall(frame)}
    said |= {VALUE.sub("{}", text) for text in SAID_LIVE.findall(live)}
    assert said - TABLE.keys() == set()
    settings = (ROOT / "mkdocs.yml").read_text("utf-8")
    names = frame + live + settings
    assert [k for k in TABLE.keys() - said if k not in names] == []


def test_values_are_put_in():
    table = {"{} of {}": "{1} 之 {0}"}
    assert words.say(table, "{} of {}", 1, 3) == "3 之 1"
    assert words.say({}, "{} of {}", 1, 3) == "1 of 3"


def test_a_translated_word_has_its_values():
    for english, chinese in TABLE.items():
        count = english.count("{}")
        assert len(re.findall(r"\{\d?\}", chinese)) == count, english


# The built edition


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_its_links_lead_somewhere(page, site):
    url = _url(page)
    broken = []
    for link in parsed(site / url / "index.html").links:
        address, anchor = urldefrag(urljoin(f"/{url}", link))
        if not address.startswith("/"):
            continue
        target = site / address.lstrip("/")
        target = target / "index.html" if target.is_dir() else target
        if not target.is_file():
            broken.append(link)
        elif target.suffix == ".html" and not anchor.startswith("__"):
            broken += [link] * (anchor not in parsed(target).anchors)
    assert not broken


def _url(page: Page) -> str:
    return BELOW[CHINESE] + address_of(page.name.as_posix())


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_both_editions_name_each_other(page, site):
    here = (site / _url(page) / "index.html").read_text("utf-8")
    there = (site / _url(page).removeprefix("zh/") / "index.html").read_text(
        "utf-8"
    )
    assert '<html lang="zh"' in here and '<html lang="en"' in there
    for text in (here, there):
        found = re.findall(r'rel="alternate " hreflang="(..)"', text)
        assert sorted(found) == ["en", "zh"]
    assert (
        'hreflang="en"' in re.search(r'<a [^>]*class="language".*?>', here)[0]
    )


def test_what_is_not_translated_is_linked_and_says_so(site):
    text = (site / "zh/index.html").read_text("utf-8")
    links = re.findall(r'<a [^>]*href="\.\./practice/errors/">.*?</a>', text)
    assert all('hreflang="en"' in link for link in links)
    assert "英文</span>" in links[-1]


def test_each_index_holds_its_own_edition(site):
    ours, theirs = (
        json.loads((site / below / "search/search_index.json").read_bytes())
        for below in ("zh", "")
    )
    assert ours["config"]["lang"] == ["zh"]
    where = {doc["location"].split("#")[0] for doc in ours["docs"]}
    assert where == {address_of(page.name.as_posix()) for page in PAGES}
    han = re.compile(f"[{parity.HAN}]")
    assert all(han.search(doc["title"] + doc["text"]) for doc in ours["docs"])
    places = [doc["location"] for doc in theirs["docs"]]
    assert not [place for place in places if place.startswith("zh/")]
    cut = re.compile(f"[{parity.HAN}]\u200b")  # as jieba cuts
    assert any(cut.search(doc["text"]) for doc in ours["docs"])
    assert not any(cut.search(doc["text"]) for doc in theirs["docs"])


# In the browser

# What people ask -> the section that answers.
QUESTIONS = [
    ("遗忘", "lstm/the-cell/#the-forget-gate-what-stays"),
    ("遗忘门的作用", "lstm/the-cell/#the-forget-gate-what-stays"),
    ("输入门", "lstm/the-cell/#the-input-gate-what-comes-in"),
    ("LSTM 输出门", "lstm/the-cell/#the-output-gate-what-is-shown"),
    ("隐藏状态和单元状态的区别", "lstm/the-cell/#two-states"),
    ("细胞状态", "lstm/the-cell/#two-states"),
    ("LSTM 参数", "lstm/the-cell/#the-same-in-keras"),
    ("重置门", "gru/the-cell/#the-reset-gate"),
    ("更新门的作用", "gru/the-cell/#the-update-gate"),
    ("GRU 参数 150 165", "gru/the-cell/#beside-the-lstm"),
    ("GRU 和 LSTM 的区别", "gru/the-cell/#beside-the-lstm"),
    ("RNN 展开", "rnn/what-is-an-rnn/#unroll-it"),
    ("加法问题", "rnn/why-gates/#a-task-for-memory"),
    (
        "return_sequences 返回什么",
        "practice/shapes-and-returns/#what-does-return_sequences-return",
    ),
    (
        "return_state 哪个是 h 哪个是 c",
        "practice/shapes-and-returns/"
        "#which-returned-state-is-h-and-which-is-c-return_state-of-an-lstm",
    ),
    (
        "expected ndim=3, found ndim=2",
        "practice/shapes-and-returns/"
        "#expected-ndim3-found-ndim2-2d-and-4d-input",
    ),
    (
        "时间序列 窗口",
        "rnn/the-next-value-of-your-series/#windows",
    ),
    (
        "预测值 反标准化",
        "rnn/the-next-value-of-your-series/#the-next-value",
    ),
    ("loss nan", "rnn/the-next-value-of-your-series/#now-your-file"),
    ("打乱 随机划分", "rnn/how-to-use-one/#split-by-time"),
    ("早停 过拟合", "rnn/how-to-use-one/#train"),
    (
        "TimeDistributed 损失",
        "topologies/many-to-many/#which-steps-does-the-loss-cover",
    ),
    (
        "教师强制",
        "topologies/encoder-decoder/"
        "#teacher-forcing-the-target-shifted-by-one",
    ),
    (
        "seq2seq 准确率 填充",
        "topologies/encoder-decoder/"
        "#seq2seq-accuracy-padding-counted-or-masked",
    ),
    (
        "多标签分类",
        "topologies/loss-and-prediction/#multi-label-several-labels-at-once",
    ),
    ("读入 CSV 文件", "start/#quick-start-load-a-csv-file"),
]


@pytest.fixture(scope="module")
def ask(browser, address):
    with asking(
        browser, f"{address}zh/", "键入以开始搜索", "个符合条件"
    ) as ask:
        yield ask


@pytest.mark.xdist_group("search")
@pytest.mark.parametrize(("words", "answer"), QUESTIONS)
def test_search_leads_to_the_answer(ask, words, answer):
    leads_to(ask(words), answer)


@pytest.fixture(params=PHONE_AND_DESK, ids=["phone", "desk"])
def tab(tabs, request):
    return tabs(reduced_motion="reduce", **request.param)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_page_is_sound(tab, page):
    """It fits, breaks nothing, loads no serif, and axe is content."""
    tab.goto(_url(page), wait_until="networkidle")
    unfold(tab)
    assert tab.broken == tab.said == []
    assert [r.url for r in tab.responses if not r.ok] == []
    wide = tab.evaluate("document.documentElement.scrollWidth")
    assert wide <= tab.viewport_size["width"]
    audit(tab, code=".highlight")
    assert not any("SourceSerif" in url for url in tab.asked)


def test_the_switch_keeps_page_and_section(tabs):
    tab = tabs(viewport={"width": 1280, "height": 844})
    tab.goto("zh/lstm/the-cell/#two-states")
    tab.get_by_role("link", name="English").click()
    tab.wait_for_url("**/lstm/the-cell/#two-states")
    assert "/zh/" not in tab.url
    tab.locator("#hold-a-gate").scroll_into_view_if_needed()
    tab.evaluate("document.querySelector('#hold-a-gate').scrollIntoView()")
    tab.get_by_role("link", name="中文").click()
    tab.wait_for_url("**/zh/lstm/the-cell/#hold-a-gate")


@pytest.mark.parametrize(
    ("page", "tag", "says"),
    [
        (
            "rnn/what-is-an-rnn",
            "unroll-rnn",
            "第 8 步：状态为 0.006，颠倒后为",
        ),
        ("lstm/the-cell", "lstm-cell", "第 3 步：keeper 用 0.66 覆盖 0.29"),
        ("gru/the-cell", "gru-cell", "第 4 步：pad 把 0.3 加到"),
    ],
)
def test_an_explorer_speaks_chinese(tabs, page, tag, says):
    tab = tabs(viewport={"width": 1280, "height": 844})
    tab.goto(f"zh/{page}/")
    tab.locator(tag).scroll_into_view_if_needed()
    say = tab.locator(f"{tag} .live-say")
    say.wait_for()
    assert say.text_content().startswith(says)
    words = tab.locator(f"{tag} .live-bar, {tag} button, {tag} legend")
    assert not re.search("[a-z]{6}", "".join(words.all_text_contents()[1:]))
    tab.get_by_role("button", name="重置").click()
    assert tab.broken == tab.said == []
