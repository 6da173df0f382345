// What explorers share that read a text.

const MARKUP = { "<": "&lt;", "&": "&amp;" };

// A character as it may stand in markup.
const safe = (one) => MARKUP[one] ?? one;

// Said of a text of which only the first characters are read.
const cutTo = (most) => `Longer than ${most} characters: the first ${most} are read. `;

// Python that fetches a page's file.
const fetching = (url) => `import io
import json
import urllib.request

import numpy as np

url = (
    "${url.href}"
)
file = np.load(io.BytesIO(urllib.request.urlopen(url).read()))`;

export { cutTo, fetching, safe };
