-- How the libraries that are C code on a real server complain of their arguments.
local error, format, getinfo, tonumber = error, string.format, debug.getinfo, tonumber
local match = string.match

local OURS = {["=server"] = true, ["=library"] = true, ["=(tail call)"] = true}

-- The first frame that is not ours, and how it calls the function of ours.
local function caller()
  local level = 3
  while true do
    local at = getinfo(level, "Sl")
    if at == nil or not OURS[at.source] then
      local called = getinfo(level - 1, "n")
      return at, called.name or "?", called.namewhat == "method"
    end
    level = level + 1
  end
end

-- Raises as a C function does: with the place of the script's call.
local function fail(message)
  local at = caller()
  error(at and at.currentline > 0 and format("%s:%d: %s", at.short_src, at.currentline, message) or message, 0)
end

local function bad(number, message)
  local _, name, is_method = caller()
  if is_method then
    number = number - 1
    if number == 0 then
      fail(format("calling '%s' on bad self (%s)", name, message))
    end
  end
  fail(format("bad argument #%d to '%s' (%s)", number, name, message))
end

-- Raises what a C function said that was called without a name.
local function refused(message)
  local number, reason = match(message, "^bad argument #(%d+) to '%?' (%b())$")
  if number == nil then
    fail(message)
  end
  bad(tonumber(number), match(reason, "^%((.*)%)$"))
end

return {fail = fail, bad = bad, refused = refused, ours = OURS}
