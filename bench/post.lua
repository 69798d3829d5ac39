-- wrk: one POST each, every job with a number of its own.
local number = tonumber(os.getenv("BENCH_FIRST"))
local headers = { ["content-type"] = "application/json" }

request = function()
  number = number + 1
  local body = '{"type":"noop","payload":{"i":' .. number ..
    ',"t":1000000000000000,"to":"user@example.com","x":"abcd"}}'
  return wrk.format("POST", "/v1/jobs", headers, body)
end
