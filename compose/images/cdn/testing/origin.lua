-- The answers of the test origin; see origin.conf.
local json = require("cjson")

local M = { name = "origin" }

local counts = ngx.shared.counts

function M.control()
  counts:set("forced status", tonumber(ngx.var.arg_status) or 0)
  ngx.say("ok")
end

local function header_from(name, value)
  if value then ngx.header[name] = ngx.unescape_uri(value) end
end

function M.answer()
  local var = ngx.var
  local count = counts:incr(ngx.req.get_method() .. " " .. var.uri, 1, 0)
  if var.arg_sleep then ngx.sleep(tonumber(var.arg_sleep)) end
  ngx.req.read_body()
  local forced = counts:get("forced status")
  ngx.status = forced and forced > 0 and forced or tonumber(var.arg_status) or 200
  header_from("Cache-Control", var.arg_cc)
  header_from("Content-Type", var.arg_type)
  header_from("Set-Cookie", var.arg_cookie)
  header_from("Vary", var.arg_vary)
  if var.arg_etag then
    ngx.header["ETag"] = '"' .. var.arg_etag .. '"'
    if var.http_if_none_match == '"' .. var.arg_etag .. '"' and ngx.status == 200 then
      if var.arg_silent then ngx.header["Cache-Control"] = nil end
      return ngx.exit(304)
    end
  end
  local body = json.encode({
    name = M.name, count = count, method = ngx.req.get_method(), uri = var.request_uri,
    headers = ngx.req.get_headers(0), body = ngx.req.get_body_data(), padding = ("x"):rep(tonumber(var.arg_size) or 0),
  })
  if var.arg_empty then body = "" end
  ngx.header["Content-Length"] = #body
  if ngx.req.get_method() ~= "HEAD" then ngx.print(body) end
end

return M
