-- What the control plane may ask: health, counters, invalidation; the last one CloudFront's stand-in, too.
local json = require("cjson.safe")

local balancer = require("balancer")
local counters = require("counters")
local generation = require("generation")

local M = {}

local purge_token = os.getenv("ALTIS_PURGE_TOKEN")

local function answer(status, value)
  ngx.status = status
  ngx.say(json.encode(value))
end

function M.health() answer(200, { status = "ok", lbs = balancer.states() }) end

function M.stats() answer(200, { pops = counters.by_pop(), purges = generation.count() }) end

-- The paths of a request body, or nil and what is wrong with it.
local function paths_of(body)
  local request = json.decode(body or "")
  local paths = type(request) == "table" and request.paths
  if type(paths) ~= "table" or #paths == 0 then return nil, 'expected {"paths": ["/a", "/b/*"]}' end
  for _, path in ipairs(paths) do
    if type(path) ~= "string" or path == "" then return nil, "a path must be a non-empty string" end
    local star = path:find("*", 1, true)
    if star and star ~= #path then return nil, "'*' may only be the last character: " .. path end
    if #path > 4000 then return nil, "a path is longer than 4000 characters" end
  end
  return paths
end

-- Digests are compared: how long that takes says nothing about the token.
function M.refuse_without_token()
  local given = ngx.var.http_x_purge_token or ""
  if not purge_token or ngx.sha1_bin(given) ~= ngx.sha1_bin(purge_token) then
    answer(403, { error = "X-Purge-Token is missing or wrong" })
    ngx.exit(ngx.HTTP_OK)
  end
end

function M.invalidate()
  if ngx.req.get_method() ~= "POST" then return answer(405, { error = "use POST" }) end
  ngx.req.read_body()
  local paths, wrong = paths_of(ngx.req.get_body_data())
  if not paths then return answer(400, { error = wrong }) end
  local id
  for _, path in ipairs(paths) do id = generation.purge(path) end
  answer(200, { id = id, count = #paths })
end

return M
