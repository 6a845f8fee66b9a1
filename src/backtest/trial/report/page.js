"use strict";
(() => {
  const page = JSON.parse(document.getElementById("page").textContent);
  const { study } = page;
  const by = (id) => document.getElementById(id);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  // Told apart by people who see colours differently (Okabe and Ito), and on both grounds.
  const colours = ["#7a8691", "#0072b2", "#e69f00", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#b59f00", "#8a5cc2", "#9c6b3c", "#4f9d9d"];
  const states = { watch: "rgba(230,159,0,.12)", stressed: "rgba(213,94,0,.18)", depegged: "rgba(200,30,30,.25)", recovering: "rgba(0,114,178,.15)", disabled: "rgba(120,120,120,.3)" };
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const dates = (seconds) => seconds.map((at) => new Date(at * 1000));
  const number = (value, digits) => (value == null ? "—" : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }));

  const layout = (more) => {
    const axis = { gridcolor: style("--rule"), linecolor: style("--rule"), zerolinecolor: style("--rule"), automargin: true };
    const base = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: style("--ink"), size: 12 },
      margin: { l: 55, r: 15, t: 15, b: 35 }, legend: { orientation: "h", y: -0.14 }, hovermode: "closest",
      hoverlabel: { namelength: -1, align: "left" },
    };
    const { xaxis, yaxis, ...rest } = more;
    return { ...base, ...rest, xaxis: { ...axis, ...xaxis }, yaxis: { ...axis, ...yaxis } };
  };
  const draw = (id, traces, more) => Plotly.react(id, traces, layout(more), { responsive: true, displaylogo: false, displayModeBar: false });

  const table = (id, head, rows) => {
    const of = by(id);
    of.replaceChildren();
    const add = (parent, tag, text, name) => {
      const cell = document.createElement(tag);
      cell.textContent = text;
      if (name) cell.className = name;
      parent.append(cell);
    };
    const first = of.createTHead().insertRow();
    head.forEach(([text, name]) => add(first, "th", text, name));
    const body = of.createTBody();
    rows.forEach((cells) => {
      const row = body.insertRow();
      cells.forEach(([text, name]) => add(row, "td", text, name));
    });
  };

  const basis = (part) => number(part * 1e4, 0);
  const interval = (of) => of ? `${basis(of.mean)} (${basis(of.low)} to ${basis(of.high)})` : "";
  const measures = () => {
    const columns = [
      ["policy", (row) => row.name], ["net bp", (row) => number(row.measures.net * 1e4, 2), (row) => row.measures.net],
      ["APY %", (row) => number(row.measures.apy * 100, 2)],
      ["max drawdown %", (row) => number(row.measures.max_drawdown * 100, 2), (row) => row.measures.max_drawdown],
      ["by days %", (row) => number(row.measures.max_drawdown_daily * 100, 2)],
      ["worst hour %", (row) => number(row.measures.worst_hour * 100, 2)],
      ["under water h", (row) => number(row.measures.under_water_hours, 0)],
      ["volatility %", (row) => number(row.measures.volatility * 100, 2)], ["Sharpe", (row) => number(row.measures.sharpe, 2)],
      ["ahead bp a year", (row) => interval(row.measures.ahead)],
      ["tracking error %", (row) => number(row.measures.tracking_error * 100, 2)], ["turnover %", (row) => number(row.turnover * 100, 1)],
      ["acts", (row) => number(row.acts.filter((act) => act.outcome === "done").length, 0)], ["gas $", (row) => number(-row.books.gas, 2)],
      ["ramps $", (row) => number(row.books.ramp, 0)], ["arbitrage $", (row) => number(row.books.arbitrage, 0)],
      ["fees $", (row) => number(row.books.volume, 0)], ["forgone $", (row) => number(row.books.forgone, 0)],
    ];
    // Whoever knows the future is no competitor.
    const rivals = study.rows.filter((row) => row.name !== "foresight");
    const best = columns.map(([, , value]) => value && Math.max(...rivals.map(value)));
    table("measures", columns.map(([head]) => [head]), study.rows.map((row) => columns.map(([, show, value], at) =>
      [show(row), value && row.name !== "foresight" && value(row) === best[at] ? "best" : ""])));
  };

  const colour = (name) => colours[study.rows.findIndex((row) => row.name === name) % colours.length];
  const lines = (id, of, title) => {
    const shown = of.filter((line) => line.name !== "foresight");
    draw(id, shown.map((line) => ({
      x: dates(line.at), y: line.value, name: line.name, mode: "lines", line: { width: 1.6, color: colour(line.name) },
      hovertemplate: `%{y:.2f}<br>%{x|%Y-%m-%d %H:%M}<extra>${line.name}</extra>`,
    })), { yaxis: { title: { text: title } } });
  };

  const books = () => {
    const names = study.rows.filter((row) => row.name !== "foresight" && row.name !== "hold");
    const bar = (label, pick, colour, pattern) => ({
      type: "bar", name: label, x: names.map((row) => row.name), y: names.map(pick),
      marker: { color: colour, pattern: { shape: pattern } }, hovertemplate: `%{y:$,.2f}<extra>${label}</extra>`,
    });
    draw("books", [
      bar("arbitrage", (row) => row.books.arbitrage, "#0072b2", ""), bar("ramps", (row) => row.books.ramp, "#d55e00", ""),
      bar("gas", (row) => row.books.gas, "#7a8691", ""), bar("fees", (row) => row.books.volume, "#009e73", ""),
      bar("forgone", (row) => -row.books.forgone, "#cc79a7", "/"),
    ], { barmode: "relative", yaxis: { title: { text: "$" } } });
  };

  const decisions = () => {
    const name = by("policy").value, asset = by("asset").value;
    const row = study.rows.find((of) => of.name === name), pool = page.standing.find((of) => of.name === name);
    const rectangle = (from, until, colour) => ({ type: "rect", xref: "x", yref: "paper", x0: new Date(from * 1000), x1: new Date(until * 1000), y0: 0, y1: 1, fillcolor: colour, line: { width: 0 }, layer: "below" });
    const bands = page.bands.filter((band) => band.asset === asset && states[band.state]).map((band) => rectangle(band.from, band.until, states[band.state]));
    const price = page.prices.find((line) => line.name === asset);
    const traces = page.prices.map((line, at) => ({
      x: dates(line.at), y: line.value, name: line.name, mode: "lines", line: { width: 1.4, color: colours[(at + 1) % colours.length] },
      hovertemplate: `%{y:.4f}<br>%{x|%Y-%m-%d %H:%M}<extra>${line.name}</extra>`,
    }));
    const near = (moment) => {
      let low = 0, high = price.at.length - 1;
      while (low < high) { const middle = (low + high + 1) >> 1; if (price.at[middle] <= moment) low = middle; else high = middle - 1; }
      return price.value[low];
    };
    traces.push({
      x: row.acts.map((act) => new Date(act.at)), y: row.acts.map((act) => near(new Date(act.at) / 1000)), name: "transactions", mode: "markers",
      marker: { size: 10, symbol: row.acts.map((act) => (act.plan === "freeze" ? "x" : act.plan === "open" ? "circle" : "diamond")), color: style("--bad"), line: { width: 1, color: style("--ground") } },
      text: row.acts.map((act) => `${act.plan} (${act.trigger}), ${act.outcome}<br>${act.line.replace(/(.{70}\S*)\s/g, "$1<br>")}`),
      hovertemplate: "%{text}<br>%{x|%Y-%m-%d %H:%M}<extra></extra>",
    });
    draw("prices", traces, { shapes: bands, yaxis: { title: { text: "$" } } });
    const shares = pool.shares.map((of, at) => ({
      x: dates(pool.at), y: of.map((value) => value * 100), name: study.assets[at], stackgroup: "one", mode: "lines",
      line: { width: 0, color: colours[(at + 1) % colours.length] }, hovertemplate: `%{y:.2f} %<extra>${study.assets[at]}</extra>`,
    }));
    let sum = pool.at.map(() => 0);
    const targets = pool.targets.slice(0, -1).map((of, at) => {
      sum = sum.map((value, tick) => value + of[tick] * 100);
      return { x: dates(pool.at), y: sum, name: `weight of ${study.assets.slice(0, at + 1).join(" + ")}`, mode: "lines", line: { width: 1.5, dash: "dot", color: style("--ink") }, hovertemplate: "%{y:.2f} %<extra></extra>" };
    });
    draw("weights", [...shares, ...targets], { shapes: pool.closed.map(([from, until]) => ({ ...rectangle(from, until, "rgba(120,120,120,.35)"), layer: "above" })), yaxis: { title: { text: "%" }, range: [0, 100] } });
    table("acts", [["time"], ["trigger"], ["plan"], ["outcome"], ["gwei"], ["gas $"], ["why", "words"]],
      row.acts.slice(0, 200).map((act) => [[act.at.replace("T", " ").replace("Z", "")], [act.trigger], [act.plan], [act.outcome], [number(act.gas_gwei, 1)], [number(act.gas_usd, 2)], [act.line, "words"]]));
  };

  const fill = (id, names, chosen) => {
    by(id).replaceChildren(...names.map((name) => new Option(name, name, name === chosen, name === chosen)));
    by(id).addEventListener("change", decisions);
  };

  by("title").textContent = `Policies on trial: ${study.world}`;
  by("span").textContent = `${study.from} to ${study.until}, ${number(study.ticks, 0)} ticks of ${study.step_seconds} s. A pool of $${number(study.value_usd, 0)} in ${study.assets.join(", ")} at a swap fee of ${number(study.swap_fee * 1e4, 0)} bp, which sees ${number(study.volume_share * 100, 0)} % of the market's turnover; transactions are included after ${study.inclusion_blocks} blocks.`;
  if (study.coverage.some((of) => of.synthetic > 0)) {
    const warning = document.createElement("p");
    warning.className = "warning";
    warning.textContent = "Prices of this study are made up, in whole or in part: it shows what policies do, and is no evidence of what markets do.";
    by("warning").append(warning);
  }
  const pools = study.rows.filter((row) => page.standing.find((of) => of.name === row.name).at.length > 0).map((row) => row.name);
  const all = () => {
    measures();
    lines("values", page.values, "bp");
    lines("ahead", page.ahead.slice(1), "bp");
    lines("drawdowns", page.drawdowns, "%");
    books();
    if (pools.length > 0) decisions();
  };
  fill("policy", pools, pools.includes("guarded") ? "guarded" : pools[pools.length - 1]);
  fill("asset", study.assets, study.assets.includes("USDC") ? "USDC" : study.assets[0]);
  table("coverage", [["asset"], ["traded"], ["carried on"], ["by way of another coin"], ["hourly"], ["made up"]],
    study.coverage.map((of) => [of.asset, of.traded, of.carried, of.crossed, of.hourly, of.synthetic].map((value) => [typeof value === "number" ? number(value, 0) : value])));
  by("changed").hidden = study.sensitivity.length === 0;
  table("sensitivity", [["changed"], ...study.rows.map((row) => [row.name])],
    study.sensitivity.map((one) => [[one.what], ...one.net_bp.map((net) => [number(net, 2)])]));
  by("notes").replaceChildren(...study.notes.map((note) => Object.assign(document.createElement("li"), { textContent: note })));
  all();
  dark.addEventListener("change", all);
})();
