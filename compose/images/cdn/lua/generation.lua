-- Purging by generation: the newest purge that covers a URL is part of its cache key, so older objects
-- are out of reach at once, at every edge and for every cookie, and a fetch under way cannot bring one back.
local M = {}

local purges = ngx.shared.generations

-- Distinct lengths of wildcard prefixes, mirrored per worker: one lookup per length, not per purge.
local lengths = {}

local function refresh_lengths()
  local count = purges:get("lengths") or 0
  while #lengths < count do
    local length = purges:get("length " .. (#lengths + 1))
    if not length then return end  -- another worker is between its two writes
    lengths[#lengths + 1] = length
  end
end

-- The generation of a request URI (path and query, as sent).
function M.of(uri)
  local newest = math.max(purges:get("all") or 0, purges:get("=" .. uri) or 0)
  refresh_lengths()
  for i = 1, #lengths do
    local length = lengths[i]
    if length <= #uri then
      local id = purges:get("*" .. uri:sub(1, length))
      if id and id > newest then newest = id end
    end
  end
  return newest
end

-- Never forget a purge: when the dictionary is full, everything is purged instead.
local function remember(key, id)
  local stored, err = purges:safe_set(key, id)
  if stored then return end
  ngx.log(ngx.WARN, "purge list full (", err, "): purging everything")
  purges:set("all", id)
end

-- Purge one path. Like CloudFront: a plain path covers exactly that path and query, "*" at the end covers the rest.
function M.purge(path)
  if path:sub(1, 1) ~= "/" then path = "/" .. path end
  local id = purges:incr("id", 1, 0)
  if path:sub(-1) ~= "*" then
    remember("=" .. path, id)
    return id
  end
  local prefix = path:sub(1, -2)
  remember("*" .. prefix, id)
  if purges:safe_add("known length " .. #prefix, true) then
    local position = purges:incr("lengths", 1, 0)
    remember("length " .. position, #prefix)
  end
  return id
end

function M.count() return purges:get("id") or 0 end

return M
