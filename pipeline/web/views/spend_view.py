"""The account -> a table by month, backend and book, and a chart of the months."""

from decimal import Decimal
from typing import Any

from pipeline.narration.core.context import Context

CHART_MONTHS = 12
CHART_HEIGHT = 160
BAR_WIDTH, GAP = 36, 14


def spend_by_month(context: Context) -> dict[str, Any]:
    """Lines of the account, sums by currency, and a bar for each of the last months, of each currency."""
    lines = context.store.spend.account()
    currencies = sorted({line.currency for line in lines})
    sums = {c: sum((line.cost for line in lines if line.currency == c), Decimal()) for c in currencies}
    charts = {c: _bars([(line.month, line.cost) for line in lines if line.currency == c]) for c in currencies}
    return {"lines": lines, "sums": sums, "charts": charts, "unanswered": sum(line.unanswered for line in lines)}


def _bars(costs: list[tuple[str, Decimal]]) -> list[dict[str, Any]]:
    """Bars in the order of the months, the highest as high as the chart."""
    months = sorted({month for month, _ in costs})[-CHART_MONTHS:]
    sums = [(month, sum((cost for m, cost in costs if m == month), Decimal())) for month in months]
    highest = max((cost for _, cost in sums), default=Decimal()) or Decimal(1)
    return [
        {
            "month": month,
            "cost": cost,
            "x": at * (BAR_WIDTH + GAP),
            "height": round(float(cost / highest) * CHART_HEIGHT, 1),
            "y": round(CHART_HEIGHT - float(cost / highest) * CHART_HEIGHT, 1),
        }
        for at, (month, cost) in enumerate(sums)
    ]
