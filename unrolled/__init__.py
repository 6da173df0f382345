"""What reads, builds, runs and checks the pages.

``page``     what a page is: its blocks, the program they form, its records
``blocks``   the Markdown extension: ``::: name`` is a block and its output
``formula``  the Markdown extension that sets formulas
``build``    what MkDocs does beyond its configuration
``editions`` English and Chinese: how the one is built into the other
``parity``   holds a translation to its original
``run``      runs programs: a fresh interpreter, an empty folder
``check``    compares what a program did with what its page shows
``figure``   figures in the site's colours
``web``      a folder served, and a browser to look at it
``repeat``   runs pages many times, quiet or beside busy processes
"""
