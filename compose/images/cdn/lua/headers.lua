-- The header filters of the three hops. Headers named X-Cdn-* travel between the hops only:
--   X-Cdn-Stored  when the origin answered        X-Cdn-Cache-Control  the origin's own, hidden from nginx
--   X-Cdn-Ttl     the TTL decided by the shim     X-Cdn-Regional       what the regional cache did
local freshness = require("freshness")
local room = require("room")
local ttl = require("ttl")

local M = {}

local function joined(value)
  if type(value) == "table" then return table.concat(value, ",") end
  return value or ""
end

-- nginx counts in whole seconds and serves through the last one: one less, so that nothing outlives its TTL.
-- (0 would mean "do not store", hence the other notation for a TTL of one second.)
local function nginx_lifetime(lifetime)
  if lifetime == 1 then return "@" .. ngx.time() end
  return lifetime and math.max(0, lifetime - 1)
end

-- May the next cache write this answer down? (A 304 only renews what is there.)
local function fits() return ngx.status == 304 or room.is_there_for(tonumber(ngx.header["Content-Length"])) end

-- Shim: decide the TTL of what an origin said.
function M.shim()
  local header, var, status = ngx.header, ngx.var, ngx.status
  local cache_control = joined(header["Cache-Control"]):lower()
  local key, regional_status = var.http_x_cdn_key, var.http_x_cdn_status
  local lifetime = ttl.of({
    status = status, method = ngx.req.get_method(), path = var.uri, cache_control = cache_control,
    expires = header["Expires"], length = tonumber(header["Content-Length"]), now = ngx.time(),
  })

  if status == 304 and cache_control == "" and not header["Expires"] then
    lifetime = nil  -- nothing new: the stored object's own TTL starts again
  end
  header["X-Accel-Expires"] = nginx_lifetime(lifetime)
  if not fits() then header["X-Accel-Expires"] = 0 end
  header["X-Cdn-Stored"] = string.format("%.3f", ngx.now())
  header["X-Cdn-Ttl"] = lifetime
  header["X-Cdn-Cache-Control"] = header["Cache-Control"]
  header["Cache-Control"] = nil
  header["X-Cdn-Regional"] = nil
  if not key or var.http_x_cdn_bypass then return end

  if status == 304 then
    if regional_status == "EXPIRED" then freshness.confirm(key, lifetime) end
  elseif status < 400 then
    freshness.set_stale_allowed(key, lifetime, lifetime > 0 and ttl.allows_stale(cache_control))
  elseif status >= 500 and regional_status == "EXPIRED" and freshness.is_stale_allowed(key) then
    ngx.status = 429  -- see proxy_cache_use_stale in regional.conf
  end
end

-- Shim, for S3: what LocalStack says of itself is not S3's.
function M.s3()
  if ngx.header["X-LocalStack"] then
    ngx.header["X-LocalStack"] = nil
    ngx.header["Server"] = "AmazonS3"
  end
  M.shim()
end

-- Regional: hand the remaining lifetime to the edge.
function M.regional()
  local header, var = ngx.header, ngx.var
  local key, status = var.http_x_cdn_key, var.upstream_cache_status
  header["X-Cdn-Regional"] = status
  local stored = tonumber(header["X-Cdn-Stored"])
  if not (key and stored) then return end

  local at, lifetime = freshness.of(key, stored, tonumber(header["X-Cdn-Ttl"]) or 0)
  header["X-Cdn-Stored"] = string.format("%.3f", at)
  header["X-Cdn-Ttl"] = lifetime
  if not var.http_x_cdn_bypass then freshness.set_pass(key, lifetime == 0) end
  if lifetime == 0 or not fits() then
    header["X-Accel-Expires"] = 0
  elseif status == "STALE" then
    header["X-Accel-Expires"] = 10  -- ask the origin again soon
  else
    -- As a point in time, so that every edge lets go in the second in which the regional cache does.
    header["X-Accel-Expires"] = "@" .. (math.floor(at) + lifetime - 1)
  end
end

local WORD = { HIT = "Hit", STALE = "Hit", UPDATING = "Hit", REVALIDATED = "RefreshHit" }

local function cache_word(edge_status, regional_status)
  if ngx.status >= 400 then return "Error" end
  if WORD[edge_status] then return WORD[edge_status] end
  return regional_status == "STALE" and "Hit" or "Miss"
end

-- ngx_brotli cannot be kept from text/html by configuration.
local function refuse_brotli_for_html()
  local accepted = ngx.var.http_accept_encoding
  if not accepted or not accepted:find("br", 1, true) then return end
  if not joined(ngx.header["Content-Type"]):find("^text/html") then return end
  ngx.req.set_header("Accept-Encoding", (accepted:gsub("%f[%w]br%f[%W][^,]*", "")))
end

-- Edge: give the origin's headers back and add CloudFront's.
function M.edge()
  local header, var = ngx.header, ngx.var
  local edge_status, regional_status = var.upstream_cache_status, header["X-Cdn-Regional"]
  local stored = tonumber(header["X-Cdn-Stored"])
  if stored and var.cache_key and (WORD[edge_status] or WORD[regional_status]) then
    local at = freshness.of(var.cache_key, stored, 0)
    header["Age"] = math.max(0, math.floor(ngx.now() - at))
  end
  if stored then header["Cache-Control"] = header["X-Cdn-Cache-Control"] end
  header["X-Cdn-Cache-Control"] = nil
  header["X-Cdn-Stored"] = nil
  header["X-Cdn-Ttl"] = nil
  header["X-Cdn-Regional"] = nil

  header["X-Cache"] = cache_word(edge_status, regional_status) .. " from cloudfront"
  header["Via"] = "1.1 " .. var.via_host .. " (CloudFront)"
  header["X-Amz-Cf-Pop"] = var.pop
  header["X-Amz-Cf-Id"] = var.request_id
  refuse_brotli_for_html()
end

return M
