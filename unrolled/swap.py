"""Swaps: small changes to a page's program, which the page shows as a diff.

    ```diff
     epochs = 9
    -model = keras.Sequential([layers.LSTM(8)])
    +model = keras.Sequential([layers.GRU(8)])
    @@
    -print("LSTM")
    +print("GRU")
    ```

A line ``@@`` stands between two places. As in any diff, a line begins with a
minus if it goes, with a plus if it comes, else with a space.
"""


def swapped(program: str, diff: str) -> str:
    """``program`` with a swap put in.

    Raises ``ValueError`` if a place is not in the program exactly once.
    """
    for hunk in ("\n" + diff).split("\n@@"):
        lines = [line for line in hunk.splitlines() if line]
        if strange := [line for line in lines if line[0] not in " +-"]:
            raise ValueError(f"neither ' ', '+' nor '-': {strange[0]}")
        old = "".join(line[1:] + "\n" for line in lines if line[0] != "+")
        new = "".join(line[1:] + "\n" for line in lines if line[0] != "-")
        found = ("\n" + program).count("\n" + old)
        if not old or found != 1:
            raise ValueError(f"{found} times in the program: {old.strip()}")
        program = ("\n" + program).replace("\n" + old, "\n" + new)[1:]
    return program
