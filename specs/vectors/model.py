"""The rules of specs/01 to 08 and 10 that have a value to compare, as plain Python integers and bytes.

Written from the text alone, so that the node and this model are two readings of one specification. It favours being
read over being fast: a tree is hashed anew for every question, curve points are affine, nothing is cached. The rules are
in `rules/`, one module a topic; `import model` gives all of them. The inputs of the vectors are in `cases.py`.

    python3 specs/vectors/model.py --check    compare every vector file with what the model computes
    python3 specs/vectors/model.py --write    write the vector files

Both first hold the model against the public vectors in `public/`.
"""

from rules.accounts import *
from rules.chains import *
from rules.curve import *
from rules.difficulty import *
from rules.encoding import *
from rules.headers import *
from rules.leaves import *
from rules.limits import *
from rules.names import *
from rules.records import *
from rules.streams import *
from rules.transactions import *
from rules.tree import *

if __name__ == "__main__":
    import cases

    raise SystemExit(cases.main())
