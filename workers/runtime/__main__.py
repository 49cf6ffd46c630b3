import os
import sys

from workers.runtime.main import run

sys.exit(run(os.environ))
