// Requests to the gateway, and what went wrong with them in plain words.

class RequestError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** Every request goes through here. The key is read where it is typed and kept nowhere else. */
async function send(path, { body, signal } = {}) {
  const key = byId("key").value.trim();
  if (/[^\x21-\x7e]/.test(key)) throw new RequestError("The API key has characters that no key can have.");
  const headers = key ? { authorization: `Bearer ${key}` } : {};
  if (body !== undefined) headers["content-type"] = "application/json";
  const method = body === undefined ? "GET" : "POST";
  let response;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new RequestError("The gateway cannot be reached.");
  }
  if (!response.ok) throw new RequestError(await refusal(response), response.status);
  return response;
}

async function refusal(response) {
  const said = await response.text();
  let told = {};
  try {
    told = JSON.parse(said).error ?? {};
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  const message = typeof told.message === "string" ? told.message : "no reason was given";
  const advice = ADVICE[response.status] ?? "";
  const wait = response.headers.get("retry-after");
  return `${sentence(message)}${advice}${wait ? ` Try again in ${wait} s.` : ""} (HTTP ${response.status})`;
}

const ADVICE = {
  401: " Enter an API key under More options.",
  403: " The API key may not do this.",
  413: " Use a shorter text.",
};

function sentence(text) {
  const trimmed = text.trim();
  const begun = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

/** The data of server-sent events, one by one. */
async function* serverEvents(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (line.startsWith("data:")) yield line.slice(5).trim();
    }
  }
}
