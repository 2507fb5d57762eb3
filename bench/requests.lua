-- requests.lua - for wrk: takes requests from a file in turn, and reports in one line that a program can read.
--
--   wrk ... -s requests.lua URL -- [FILE]
--
-- A line of FILE is `PATH TOKEN`. Without FILE wrk repeats the one request of its command line, which costs it less.

function init(args)
   if not args[1] then return end
   local ready = {}
   for line in io.lines(args[1]) do
      local path, token = line:match("^(%S+) (%S+)$")
      ready[#ready + 1] = wrk.format("GET", path, { ["Host"] = wrk.headers["Host"], ["Authorization"] = "Bearer " .. token })
   end
   local at, count = 0, #ready
   function request()
      at = at + 1
      if at > count then at = 1 end
      return ready[at]
   end
end

function done(summary, latency)
   local e = summary.errors
   io.write(string.format(
      '\nRESULT {"requests":%d,"bytes":%d,"seconds":%.6f,"p50_us":%d,"p99_us":%d,"max_us":%d,"bad_status":%d,"errors":%d}\n',
      summary.requests, summary.bytes, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), latency.max,
      e.status, e.connect + e.read + e.write + e.timeout))
end
