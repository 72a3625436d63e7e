"""``crowdeval score`` with a stopwatch inside: where the time of a whole run goes; prints JSON on standard error.

Imports of format modules are made before the clock of reading starts, so reading is reading.
"""

from __future__ import annotations

import json
import sys
from time import time

from benchmarks.performance.stages import Stopwatch, watch_trees


def main() -> None:
    born, arguments = float(sys.argv[1]), sys.argv[2:]
    entered = time()
    import crowdeval.cli.inputs
    import crowdeval.cli.score
    import crowdeval.evaluation.evaluate
    import crowdeval.formats
    import crowdeval.render.table
    from crowdeval.cli import main as run
    from crowdeval.formats import FORMATS

    assert all(FORMATS[name] for name in ("json", "coco"))
    watch = Stopwatch()
    watch_trees(watch)
    for side in ("predictions", "annotations"):
        watch.wrap(crowdeval.formats, f"read_{side}", "reading")
    watch.wrap(crowdeval.evaluation.evaluate, "report_and_evidence", "evaluate")
    imported = time()
    try:
        run(arguments)
    finally:
        stages = {
            "interpreter": entered - born,
            "imports": imported - entered,
            "reading": watch.of("reading"),
            "tree queries": watch.of("query"),
            "tree building": watch.of("build"),
            "rest of the evaluation": watch.seconds["evaluate"],
        }
        print(json.dumps(stages), file=sys.stderr)


if __name__ == "__main__":
    main()
