-- How long an answer may be kept: CloudFront's rules with Altis's table of defaults. Pure functions.
local M = {}

local function setting(name, default) return tonumber(os.getenv(name) or "") or default end

local DEFAULT = setting("CDN_DEFAULT_TTL", 300)
local ERROR = setting("CDN_ERROR_TTL", 300)
local CLIENT_ERROR = setting("CDN_CLIENT_ERROR_TTL", 10)
local STATIC = 365 * 86400

-- Bigger objects would fill the cache's tmpfs; they pass through.
local LARGEST = 16 * 1024 * 1024

local STATIC_EXTENSIONS = {}
for name in ("js mjs css map json png jpg jpeg gif webp avif svg ico woff woff2 ttf otf eot mp4 webm mp3 pdf"):gmatch("%S+") do
  STATIC_EXTENSIONS[name] = true
end

-- Is this the path of a file of the codebase? Only such files may be kept for a year unasked.
local function is_static(path)
  local extension = path:match("%.(%w+)$")
  return extension ~= nil and STATIC_EXTENSIONS[extension:lower()] == true
    and not (path:find("^/wp%-json/") or path:find("^/uploads/") or path:find("^/tachyon/"))
end

local function seconds(cache_control, directive)
  local pattern = "%f[%w%-]" .. directive:gsub("%-", "%%-") .. "%s*=%s*\"?(%d+)"
  return tonumber(cache_control:match(pattern))
end

local function has(cache_control, directive) return cache_control:find(directive, 1, true) ~= nil end

local function forbids_storage(cache_control)
  return has(cache_control, "no-cache") or has(cache_control, "no-store") or has(cache_control, "private")
end

-- What the origin itself asks for, or nil when it says nothing.
function M.asked(cache_control, expires, now)
  if forbids_storage(cache_control) then return 0 end
  local asked = seconds(cache_control, "s-maxage") or seconds(cache_control, "max-age")
  if asked or not expires then return asked end
  local at = ngx.parse_http_time(expires)
  return at and math.max(0, at - now) or 0
end

-- answer: status, method, path, cache_control (lower case), expires, length, now
function M.of(answer)
  if answer.method ~= "GET" and answer.method ~= "HEAD" then return 0 end
  local asked = M.asked(answer.cache_control, answer.expires, answer.now)
  -- The error TTL is a minimum: it holds even against no-cache.
  if answer.status >= 500 then return math.max(asked or 0, ERROR) end
  if answer.length and answer.length > LARGEST then return 0 end
  -- An empty page is a mistake of the application, not a page.
  if answer.status == 200 and answer.method == "GET" and answer.length == 0 then return 0 end
  if asked then return asked end
  if answer.status >= 400 and answer.status ~= 404 then return CLIENT_ERROR end
  if answer.status == 200 and is_static(answer.path) then return STATIC end
  return DEFAULT
end

-- May an expired copy be served while the origin fails?
function M.allows_stale(cache_control)
  return not (forbids_storage(cache_control) or has(cache_control, "must-revalidate")
    or has(cache_control, "proxy-revalidate") or has(cache_control, "s-maxage"))
end

return M
