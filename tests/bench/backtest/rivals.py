"""Other back-testers on the prices that the bench hands over: plain Python and vectorbt.

Prints one JSON object: for each the median time of its rounds, the ticks and the last value.
"""

import argparse
import csv
import json
import platform
import statistics
import time

VALUE = 500_000.0
WEIGHTS = (0.40, 0.35, 0.25)
FEE = 0.0005
GAS = 5.0
MOST_TRADES = 16
WEEK = 7 * 24 * 60


def plain(rows):
    """A pool that is traded to the market's prices, looked at by the triggers of a classic rebalancer at every tick.

    No numpy: at one tick there are three numbers, and calling it costs more than they do.
    """
    balances = [VALUE * weight / price for weight, price in zip(WEIGHTS, rows[0])]
    pairs = [(i, o, WEIGHTS[i] / WEIGHTS[o], WEIGHTS[o] / (WEIGHTS[i] + WEIGHTS[o])) for i in range(3) for o in range(3) if i != o]
    keeps = 1.0 - FEE
    trading = True
    triggered = 0
    values = []
    for tick, prices in enumerate(rows):
        if trading:
            for _ in range(MOST_TRADES):
                best = None
                for i, o, ratio, power in pairs:
                    gap = keeps * ratio * balances[o] * prices[o] / (balances[i] * prices[i])
                    if gap <= 1.0:
                        continue
                    growth = gap**power
                    amount = balances[i] * (growth - 1.0) / keeps
                    out = balances[o] * (1.0 - growth**-ratio)
                    profit = out * prices[o] - amount * prices[i]
                    if profit > GAS and (best is None or profit > best[0]):
                        best = (profit, i, o, amount, out)
                if best is None:
                    break
                _, i, o, amount, out = best
                balances[i] += amount
                balances[o] -= out
        a = balances[0] * prices[0]
        b = balances[1] * prices[1]
        c = balances[2] * prices[2]
        total = a + b + c
        values.append(total)
        low = min(prices)
        if trading and low < 0.99:
            trading = False
            triggered += 1
        elif not trading and low > 0.997:
            trading = True
        drift = max(abs(a / total - WEIGHTS[0]), abs(b / total - WEIGHTS[1]), abs(c / total - WEIGHTS[2]))
        if drift > 0.05 or tick % WEEK == 0:
            triggered += 1
    return values[-1]


def with_vectorbt(rows):
    """Brought back to its weights once a day, without a pool: what the library is made for."""
    import numpy as np
    import pandas as pd
    import vectorbt as vbt

    prices = pd.DataFrame(rows, columns=["DAI", "USDC", "USDT"])
    sizes = np.full(prices.shape, np.nan)
    sizes[:: 24 * 60] = WEIGHTS
    sizes = pd.DataFrame(sizes, columns=prices.columns)

    def run():
        portfolio = vbt.Portfolio.from_orders(
            prices, sizes, size_type="targetpercent", group_by=True, cash_sharing=True, call_seq="auto", fees=FEE, init_cash=VALUE
        )
        return float(portfolio.value().iloc[-1])

    # The compiler's time is not the library's.
    run()
    return run


def measured(run, rounds):
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        value = run()
        times.append(time.perf_counter() - began)
    return statistics.median(times), value


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("prices")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments = arguments.parse_args()
    with open(arguments.prices, newline="") as file:
        lines = csv.reader(file)
        next(lines)
        rows = [tuple(map(float, line)) for line in lines]

    import numba
    import numpy
    import pandas
    import vectorbt

    told = {}
    for name, run in (("python", lambda: plain(rows)), ("vectorbt", with_vectorbt(rows))):
        seconds, value = measured(run, arguments.rounds)
        told[name] = {"seconds": seconds, "ticks": len(rows), "value": value}
    libraries = (numpy, pandas, numba, vectorbt)
    told["versions"] = {"python": platform.python_version(), **{one.__name__: one.__version__ for one in libraries}}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
