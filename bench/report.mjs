export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * One line for each metric of each row and durability, medians over the rounds. A ratio is the median of the rounds'
 * ratios, since what is measured in one round is measured in the same weather. Above 1 thrun is ahead, for times as well.
 *
 * @param {{ row: object, metric: string, durability: string, contender: string, round: number, value: number }[]} samples
 */
export function summarize(samples, rows, contenders, { peers, pairs, durabilities }) {
  const lines = [];
  for (const durability of Object.keys(durabilities)) {
    for (const { id, title, metrics } of rows) {
      if (!samples.some((sample) => sample.row === id && sample.durability === durability)) continue;
      for (const [metric, { title: more, unit, better }] of Object.entries(metrics)) {
        const series = seriesOf(samples, id, metric, durability, contenders);
        const medians = Object.fromEntries(
          Object.entries(series).map(([contender, values]) => [contender, median(values)]),
        );
        const bestPeer = best(
          peers.filter((peer) => peer in medians),
          medians,
          better,
        );
        lines.push({
          durability,
          title: title + more,
          unit,
          medians,
          bestPeer,
          ratios: pairs.flatMap(([ours, raw]) => [
            ratio(series[ours], series[raw], better),
            bestPeer && ratio(series[ours], series[bestPeer], better),
          ]),
          toOther: ratio(series.thrun, series['thrun (other build)'], better),
        });
      }
    }
  }
  return lines;
}

function seriesOf(samples, id, metric, durability, contenders) {
  const series = {};
  for (const contender of contenders) {
    const values = samples
      .filter((sample) => sample.row === id && sample.metric === metric && sample.durability === durability)
      .filter((sample) => sample.contender === contender)
      .sort((a, b) => a.round - b.round)
      .map(({ value }) => value);
    if (values.length > 0) series[contender] = values;
  }
  return series;
}

function best(names, medians, better) {
  const [first] = [...names].sort((a, b) => (better === 'more' ? medians[b] - medians[a] : medians[a] - medians[b]));
  return first;
}

function ratio(ours, theirs, better) {
  if (!ours || !theirs) return undefined;
  return median(ours.map((our, round) => (better === 'more' ? our / theirs[round] : theirs[round] / our)));
}

/** As Markdown, one table for each durability: what docs/benchmarks.md holds. */
export function tables(lines, contenders, { pairs, durabilities }) {
  const text = [];
  for (const [durability, heading] of Object.entries(durabilities)) {
    const ofIt = lines.filter((line) => line.durability === durability);
    if (ofIt.length === 0) continue;
    const header = [
      '',
      ...contenders,
      ...pairs.flatMap(([ours, raw]) => [`${ours} : ${raw}`, `${ours} : best peer`]),
      ...(hasOther(contenders) ? ['thrun : other build'] : []),
    ];
    const body = ofIt.map(({ title, unit, medians, ratios, toOther }) => [
      title,
      ...contenders.map((contender) => (contender in medians ? figure(medians[contender]) + unit : '–')),
      ...ratios.map(times),
      ...(hasOther(contenders) ? [times(toOther)] : []),
    ]);
    text.push(`${heading}\n\n${table([header, ...body])}`);
  }
  return text.join('\n\n');
}

const hasOther = (contenders) => contenders.includes('thrun (other build)');

export function figure(value) {
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 10 ? 1 : 2);
}

export function times(value) {
  return value === undefined ? '–' : value.toFixed(value >= 10 ? 0 : 2);
}

export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (cells) =>
    `| ${cells.map((cell, n) => (n === 0 ? cell.padEnd(widths[n]) : cell.padStart(widths[n]))).join(' | ')} |`;
  const rule = `|${widths.map((width, n) => (n === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n');
}
