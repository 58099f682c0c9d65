// Where the gateway's spans are in a JavaScript string: it counts code points, JavaScript UTF-16 units.

/** A function from code points to UTF-16 units. It walks the text once, so it must be asked in ascending order. */
function unitsOf(text) {
  let points = 0;
  let units = 0;
  return (wanted) => {
    for (; points < wanted && units < text.length; points += 1) units += text.codePointAt(units) > 0xffff ? 2 : 1;
    return units;
  };
}

/** Spans and kept ranges in UTF-16 units, with the text that they are of. */
function located(text, part) {
  const spanUnits = unitsOf(text);
  const keptUnits = unitsOf(text);
  const spans = part.spans.map((span) => ({ ...span, start: spanUnits(span.start), end: spanUnits(span.end) }));
  if (spans.at(-1)?.end !== text.length) throw new RequestError("The spans in the gateway's answer do not fit the text.");
  return { text, spans, kept: part.kept.map(([start, end]) => [keptUnits(start), keptUnits(end)]) };
}
