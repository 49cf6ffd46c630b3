"""`python3 -m tally invoice.json`: print an invoice."""

import json
import sys
from pathlib import Path

from tally.invoice import invoice_from
from tally.report import render


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python3 -m tally INVOICE.json", file=sys.stderr)
        return 2
    try:
        invoice = invoice_from(json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError) as error:
        print(f"tally: {arguments[0]}: {error}", file=sys.stderr)
        return 1
    print(render(invoice), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
