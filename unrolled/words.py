"""The words of the interface.

In the code they are English. An edition in another language has a table of
them in its configuration, ``extra: words:``, which the build reads here, and
explorers in ``docs/live/frame.js``. ``{}`` in an entry stands for a value;
``{1}`` and ``{0}``, for values in another order.
"""


def say(table: dict[str, str], english: str, *values) -> str:
    """``english`` in the language of ``table``, with its values put in."""
    return table.get(english, english).format(*values)
