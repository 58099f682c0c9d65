// Where the gateway's spans are in a JavaScript string.

const KEEP_TAG = /<\/?semtoken:keep>/g;

/**
 * A function from code points, which the gateway counts, to UTF-16 units, which JavaScript does.
 * It walks the text once, so it must be asked in ascending order.
 */
function unitsOf(text) {
  let points = 0;
  let units = 0;
  return (wanted) => {
    for (; points < wanted && units < text.length; points += 1) units += text.codePointAt(units) > 0xffff ? 2 : 1;
    return units;
  };
}

function lengthInPoints(text) {
  let count = text.length;
  for (let at = 0; at < text.length; at += 1) {
    if (text.codePointAt(at) > 0xffff) {
      count -= 1;
      at += 1;
    }
  }
  return count;
}

/** Spans and kept ranges in UTF-16 units, and the text that they cover. */
function located(message, part) {
  // Where the server reads keep tags, its offsets are those of the text without them.
  const candidates = [message, message.replace(KEEP_TAG, "")];
  const end = part.spans.at(-1)?.end ?? 0;
  const text = candidates.find((candidate) => lengthInPoints(candidate) === end);
  if (text === undefined) throw new RequestError("the spans in the answer do not fit the text that was sent");
  const spanUnits = unitsOf(text);
  const keptUnits = unitsOf(text);
  return {
    text,
    spans: part.spans.map((span) => ({ ...span, start: spanUnits(span.start), end: spanUnits(span.end) })),
    kept: part.kept.map(([start, stop]) => [keptUnits(start), keptUnits(stop)]),
  };
}
