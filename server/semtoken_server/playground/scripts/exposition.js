// The gateway's own metrics, read from the Prometheus text format.

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;
const GENERATES = /^\/v1\/(chat\/completions|completions|responses|messages)$/;
const COMPRESSES = /^\/v1\/(chat\/completions|completions|responses|messages|compress)$/;

function samplesOf(text) {
  const samples = new Map();
  for (const line of text.split("\n")) {
    const found = SAMPLE.exec(line);
    if (!found) continue;
    const [, name, labels = "", value] = found;
    if (!samples.has(name)) samples.set(name, []);
    const read = Object.fromEntries([...labels.matchAll(LABEL)].map(([, label, given]) => [label, given]));
    samples.get(name).push({ labels: read, value: Number(value) });
  }
  return samples;
}

/** The sums that the charts are made of. */
function figuresOf(text) {
  const samples = samplesOf(text);
  const sum = (name, wanted = () => true) =>
    (samples.get(`semtoken_${name}`) ?? []).filter(({ labels }) => wanted(labels)).reduce((total, { value }) => total + value, 0);
  const stage = (name) => (labels) => labels.stage === name;
  return {
    at: performance.now(),
    requests: sum("requests_total", ({ route }) => COMPRESSES.test(route)),
    saved: sum("prompt_tokens_total", stage("original")) - sum("prompt_tokens_total", stage("forwarded")),
    compression: sum("compression_seconds_sum", stage("total")) + sum("encoder_queue_seconds_sum"),
    request: sum("request_seconds_sum", ({ route }) => COMPRESSES.test(route)),
    firstTokens: sum("time_to_first_token_seconds_count", ({ route }) => GENERATES.test(route)),
    firstToken: sum("time_to_first_token_seconds_sum", ({ route }) => GENERATES.test(route)),
    // The request for these figures is one of them.
    inflight: Math.max(0, sum("inflight_requests") - 1),
  };
}

/** What happened between two readings; null where nothing did, or where the counters began anew. */
function between(earlier, later) {
  const grown = (name) => later[name] - earlier[name];
  if (grown("requests") < 0 || grown("request") < 0) return null;
  const elapsed = (later.at - earlier.at) / 1000;
  return {
    rate: grown("requests") / elapsed,
    saved: grown("saved"),
    share: grown("request") > 0 ? Math.min(1, grown("compression") / grown("request")) : null,
    first: grown("firstTokens") > 0 ? (1000 * grown("firstToken")) / grown("firstTokens") : null,
    inflight: later.inflight,
  };
}
