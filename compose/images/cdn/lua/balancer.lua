-- Chooses a load balancer for each request, from what probes and the requests themselves teach.
-- Per load balancer the shared dictionary holds `<name> misses` (unanswered probes in a row; one failed request
-- counts as one) and `<name> status` (of the last answered probe).
local peers = require("ngx.balancer")

local M = {}

local known = ngx.shared.lbs
local servers = {}  -- { name, address }

local PORT = 80
local TICK = 0.25        -- s between probes while there is traffic
local IDLE_TICKS = 4     -- with neither traffic nor doubt, only every fourth tick probes
local GIVE_UP = 3        -- misses in a row after which a load balancer gets nothing, even as the last one
local PROBE = "GET /__lb_health HTTP/1.0\r\nHost: cdn\r\nUser-Agent: altis-local-cdn\r\n\r\n"

-- text: "lb-a=10.0.0.2 lb-b=10.0.0.3". Raises on anything else, which stops nginx at its start.
function M.configure(text)
  for word in (text or ""):gmatch("%S+") do
    local name, address = word:match("^([%w-]+)=(%d+%.%d+%.%d+%.%d+)$")
    if not name then error("ALTIS_SERVERS_LB: '" .. word .. "' is not name=address") end
    servers[#servers + 1] = { name = name, address = address }
  end
  if #servers == 0 then error("ALTIS_SERVERS_LB names no load balancer") end
end

local function misses(server) return known:get(server.name .. " misses") or 0 end

-- 0 answers well · 1 answers, but unwell · 2 in doubt · nil silent.
-- In doubt, it is still used when nothing better is left: a busy machine must not look like an outage.
local function rank(server)
  local missed = misses(server)
  if missed >= GIVE_UP then return nil end
  if missed > 0 then return 2 end
  return (known:get(server.name .. " status") or 200) >= 500 and 1 or 0
end

local function answered(server, status)
  local missed = misses(server)
  known:set(server.name .. " status", status)
  known:set(server.name .. " misses", 0)
  if missed > 0 then ngx.log(ngx.WARN, server.name, " answers again") end
end

local function missed(server)
  local count = known:incr(server.name .. " misses", 1, 0)
  if count == 1 then ngx.log(ngx.WARN, server.name, " (", server.address, ") does not answer") end
end

-- One failed request is a reason to prefer the others, never to give up.
local function doubt(server)
  if misses(server) == 0 then missed(server) end
end

local function probe(server)
  local socket = ngx.socket.tcp()
  socket:settimeouts(300, 300, 500)
  local line
  if socket:connect(server.address, PORT) and socket:send(PROBE) then line = socket:receive("*l") end
  socket:close()
  local status = tonumber((line or ""):match("^HTTP/%d%.%d (%d%d%d)"))
  if status then answered(server, status) else missed(server) end
end

local ticks, seen, running = 0, 0, false

-- Whoever is silent is looked for as eagerly: it is used again as soon as it answers.
local function is_any_in_doubt()
  for i = 1, #servers do
    if misses(servers[i]) > 0 then return true end
  end
  return false
end

local function tick()
  ticks = ticks + 1
  local chosen = known:get("chosen") or 0
  if running then return end
  if chosen == seen and ticks % IDLE_TICKS ~= 0 and not is_any_in_doubt() then return end
  seen, running = chosen, true
  local threads = {}
  for i, server in ipairs(servers) do threads[i] = ngx.thread.spawn(probe, server) end
  for _, thread in ipairs(threads) do ngx.thread.wait(thread) end
  running = false
end

-- The first worker probes for both.
function M.start_probes()
  if ngx.worker.id() ~= 0 then return end
  ngx.timer.at(0, tick)
  ngx.timer.every(TICK, tick)
end

local turn = 0

local function best(tried)
  turn = turn + 1
  local found, found_rank
  for i = 1, #servers do
    local server = servers[(turn + i) % #servers + 1]
    local its_rank = not tried[server.name] and rank(server)
    if its_rank and (not found_rank or its_rank < found_rank) then found, found_rank = server, its_rank end
  end
  return found
end

-- balancer phase: called once per try.
function M.choose()
  local ctx = ngx.ctx
  if ctx.server then
    doubt(ctx.server)
  else
    ctx.tried = {}
    known:incr("chosen", 1, 0)
    if #servers > 1 then peers.set_more_tries(#servers - 1) end
  end
  local server = best(ctx.tried) or ctx.server or servers[1]
  ctx.tried[server.name], ctx.server = true, server
  peers.set_current_peer(server.address, PORT)
end

-- log phase: the last try failed too, so `choose` was not called again.
function M.learn()
  local server = ngx.ctx.server
  if not server or (ngx.status ~= 502 and ngx.status ~= 504) then return end
  local time = ngx.var.upstream_header_time
  if time and time:sub(-1) == "-" then doubt(server) end
end

-- access phase: with every load balancer silent an error now is better than one in a minute.
function M.refuse_when_dark()
  for i = 1, #servers do
    if rank(servers[i]) then return end
  end
  known:incr("chosen", 1, 0)  -- traffic: keep probing fast
  return ngx.exit(504)
end

local STATE = { [0] = "well", [1] = "unwell", [2] = "doubtful" }

function M.states()
  local out = {}
  for _, server in ipairs(servers) do
    local its_rank = rank(server)
    out[server.name] = { address = server.address, state = its_rank and STATE[its_rank] or "silent" }
  end
  return out
end

return M
