"""Budgets: the worst case of a call is held before it is made, and what it cost is booked after.

`apps.llm.ledger` reserves and settles, one round trip each; `keeper.py` renews the holds of a
process and releases those of a dead one; `book.py` sets budgets, `standing.py` tells how they
stand. The accounting itself is functions of the database (migration `budget_functions`), so that a
reservation over all scopes is all or nothing. Money is whole micro-dollars, rounded up.
"""
