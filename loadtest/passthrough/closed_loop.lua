-- For wrk: posts the file named after "--", and prints the outcome as one line of JSON.
function init(arguments)
    local file = assert(io.open(arguments[1], "rb"))
    wrk.method = "POST"
    wrk.path = "/v1/chat/completions"
    wrk.headers["content-type"] = "application/json"
    wrk.body = file:read("*a")
    file:close()
end

function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format(
        'JSON {"requests":%d,"duration_us":%d,"bytes":%d,"errors":%d,"p50_us":%d,"p95_us":%d}\n',
        summary.requests, summary.duration, summary.bytes,
        e.connect + e.read + e.write + e.status + e.timeout,
        latency:percentile(50), latency:percentile(95)))
end
