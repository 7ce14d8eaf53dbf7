-- Functions of Lua's own libraries that could hold the process for long, made such that they cannot: what is cheap goes to the C
-- function at once, what is dear is looked at first, and what has no end in sight is done in Lua, where it can be ended.
local patterns, errors, check, spend, most_memory, QUICK, SAFE = ...

local fail, refused = errors.fail, errors.refused
local find, match, gmatch, gsub, rep = string.find, string.match, string.gmatch, string.gsub, string.rep
local type, pcall, tostring, tonumber, error, next, unpack, collectgarbage, select =
  type, pcall, tostring, tonumber, error, next, unpack, collectgarbage, select
local rawget, rawset, insert = rawget, rawset, table.insert
local sub, byte, concat, floor, sort = string.sub, string.byte, table.concat, math.floor, table.sort
local compiled, search, captures, capture = patterns.compiled, patterns.search, patterns.captures, patterns.capture


local guarded = {}

-- == How much a pattern may cost ==

-- For a pattern: the longest subjects with which the C functions are quick, and safe. Not there: not known yet; -1: none.
local quick, safe, quick_each, safe_each, levels = {}, {}, {}, {}, {}
local count = 0

local EXPANDS = {most = true, some = true, least = true}

-- The longest subject of which a pattern that can be matched in so many ways costs no more than a budget.
local function longest(budget, factors)
  if factors == 0 then
    return 1e9
  end
  for factor = 2, factors do
    budget = budget * factor
  end
  return floor(budget ^ (1 / factors)) - factors
end

-- Every expansion may be tried with every length, and every `?` both ways; the last item of all is never tried twice.
local function measured(p)
  local stop = find(p, "%z")
  p = stop and sub(p, 1, stop - 1) or p
  local anchored = byte(p, 1) == 94
  local items, total = patterns.parse(p, anchored and 2 or 1)
  local factors, ways, depth = 0, 1, 0
  if items[total].kind == "wrong" or next(items[total].open) then
    return false
  end
  local last = total - 1
  while last > 0 and items[last].kind == "close" do
    last = last - 1
  end
  for index = 1, total do
    local kind = items[index].kind
    if kind == "again" or kind == "balance" or EXPANDS[kind] and index ~= last then
      factors = factors + 1
    elseif kind == "maybe" and index ~= last then
      ways = ways * 2
    end
    if kind ~= "one" then
      depth = depth + 1
    end
  end
  if depth > 100 or factors > 20 then
    return false
  end
  return true, factors, ways * (1 + floor(total / 8)), anchored, items[total].level
end

local function learn(p)
  if count >= 500 then
    quick, safe, quick_each, safe_each, levels = {}, {}, {}, {}, {}
    count = 0
  end
  local known, factors, ways, anchored, level
  if #p <= 1000 then
    known, factors, ways, anchored, level = measured(p)
  end
  if not known then
    return -1, -1, -1, -1
  end
  local tries = anchored and factors or factors + 1
  local a, b = longest(QUICK / ways, tries), longest(SAFE / ways, tries)
  local c, d = longest(QUICK / ways, factors + 1), longest(SAFE / ways, factors + 1)
  quick[p], safe[p], quick_each[p], safe_each[p], levels[p] = a, b, c, d, level
  count = count + 1
  return a, b, c, d
end

-- == Arguments ==

local function is_text(value)
  local kind = type(value)
  return kind == "string" or kind == "number"
end

-- As C casts it to 64 bits, and then to 32.
local function whole(value)
  local number = tonumber(value)
  if not (number < 9223372036854775808 and number >= -9223372036854775808) then
    return -9223372036854775808
  end
  return number < 0 and -floor(-number) or floor(number)
end

local function int(value)
  local number = whole(value) % 4294967296
  return number >= 2147483648 and number - 4294967296 or number
end

-- Raises what the C function says of its arguments.
local function complain(f, ...)
  local _, message = pcall(f, ...)
  refused(message)
end

local function is_number(value)
  return type(value) == "number" or type(value) == "string" and tonumber(value) ~= nil
end

-- == find and match ==

local function plain_place(s, p, at)
  local size = #p
  if size * (#s - at) <= SAFE then
    return find(s, p, at, true)
  end
  local width = floor(SAFE / size) + 10
  while at + size - 1 <= #s do
    check()
    local first, last = find(sub(s, at, at + width + size - 2), p, 1, true)
    if first then
      return first + at - 1, last + at - 1
    end
    at = at + width
  end
  return nil
end

local function has_specials(p)
  local stop = find(p, "%z")
  return find(stop and sub(p, 1, stop - 1) or p, "[%^%$%*%+%?%.%(%[%%%-]") ~= nil
end

local function place_of(is_find, ...)
  local s, p, init, plain = ...
  if not (is_text(s) and is_text(p) and (init == nil or is_number(init))) then
    complain(is_find and find or match, ...)
  end
  s, p = tostring(s), tostring(p)
  local size = #s
  init = init == nil and 1 or whole(init)
  if init < 0 then
    init = init + size + 1
  end
  init = init < 1 and 1 or init > size + 1 and size + 1 or init
  if is_find and (plain or not has_specials(p)) then
    return plain_place(s, p, init)
  end
  local most = safe[p]
  if most == nil then
    local _
    _, most = learn(p)
  end
  if size - init + 1 <= most then
    check()
    if is_find then
      return find(s, p, init)
    end
    return match(s, p, init)
  end
  local anchored = byte(p, 1) == 94
  local pattern, m = compiled(p, anchored and 2 or 1), {s = s, n = size}
  local first, behind = search(pattern, m, init, anchored)
  if not first then
    return nil
  end
  if not is_find then
    return captures(pattern, m, first, behind)
  elseif pattern.level == 0 then
    return first, behind - 1
  end
  return first, behind - 1, captures(pattern, m, first, behind)
end


function guarded.find(...)
  local s, p, init, plain = ...
  local most = quick[p]
  if most and type(s) == "string" and #s <= most and (init == nil or type(init) == "number") then
    return find(s, p, init, plain)
  end
  return place_of(true, ...)
end

function guarded.match(...)
  local s, p, init = ...
  local most = quick[p]
  if most and type(s) == "string" and #s <= most and (init == nil or type(init) == "number") then
    return match(s, p, init)
  end
  return place_of(false, ...)
end

-- == gmatch ==

local function each(s, p)
  local pattern, m, at = compiled(p, 1), {s = s, n = #s}, 1
  return function()
    local first, behind = search(pattern, m, at, false)
    if not first then
      return
    end
    at = behind == first and behind + 1 or behind
    return captures(pattern, m, first, behind)
  end
end

function guarded.gmatch(...)
  local s, p = ...
  if not (is_text(s) and is_text(p)) then
    complain(gmatch, ...)
  end
  s, p = tostring(s), tostring(p)
  local most, _ = quick_each[p]
  if most == nil then
    _, _, most = learn(p)
  end
  if #s > most then
    most = safe_each[p]
    if most == nil then
      _, _, _, most = learn(p)
    end
    if #s > most then
      return each(s, p)
    end
    check()
  end
  return gmatch(s, p)
end

-- == gsub ==

local MOST_RESULTS = 8000 -- LUAI_MAXCSTACK, less what lies on the stack
local LONG = 100000 -- C puts such a string together from small pieces, which takes it seconds

-- A replacement's texts and numbers of captures, in turn.
local function pieces_of(text)
  local pieces, total, at = {}, 0, 1
  while true do
    local place = find(text, "%", at, true)
    if place == nil then
      break
    end
    pieces[total + 1] = sub(text, at, place - 1)
    local code = byte(text, place + 1)
    if code and code >= 48 and code <= 57 then
      pieces[total + 2] = code - 48
    else
      pieces[total + 2] = code and sub(text, place + 1, place + 1) or "\0"
    end
    total = total + 2
    at = place + 2
  end
  pieces[total + 1] = sub(text, at)
  return pieces, total + 1
end

local function replacing(replacement, pattern, m)
  local kind = type(replacement)
  if kind == "function" then
    return function(first, behind)
      return replacement(captures(pattern, m, first, behind))
    end
  elseif kind == "table" then
    return function(first, behind)
      return replacement[capture(pattern, m, 1, first, behind)]
    end
  end
  local pieces, total = pieces_of(tostring(replacement))
  return function(first, behind)
    local made = {}
    for index = 1, total do
      local piece = pieces[index]
      if piece == 0 then
        piece = sub(m.s, first, behind - 1)
      elseif type(piece) == "number" then
        piece = capture(pattern, m, piece, first, behind)
      end
      made[index] = piece
    end
    return concat(made)
  end
end

local function replaced(s, p, replacement, most)
  local anchored = byte(p, 1) == 94
  local pattern, m = compiled(p, anchored and 2 or 1), {s = s, n = #s}
  local value = replacing(replacement, pattern, m)
  local out, length, at, total = {}, 0, 1, 0
  while total < most do
    local first, behind = search(pattern, m, at, anchored)
    if not first then
      break
    end
    total = total + 1
    local text = value(first, behind)
    if not text then
      text = sub(s, first, behind - 1)
    elseif not is_text(text) then
      fail("invalid replacement value (a " .. type(text) .. ")")
    end
    out[length + 1], out[length + 2] = sub(s, at, first - 1), text
    length = length + 2
    at = behind
    if behind == first then
      if first > #s then
        break
      end
      length = length + 1
      out[length] = sub(s, first, first)
      at = first + 1
    end
    if anchored then
      break
    end
  end
  out[length + 1] = sub(s, at)
  return concat(out), total
end

-- Whether a replacement has only captures that the pattern has.
local function has_all(p, replacement)
  local level = levels[p] or 0
  for digit in gmatch(replacement, "%%(.?)") do
    if find(digit, "%d") and digit + 0 > level and digit ~= "0" and digit ~= "1" then
      return false
    end
  end
  return true
end

local function replaced_by(...)
  local s, p, replacement, most = ...
  local kind = type(replacement)
  if not (is_text(s) and is_text(p) and (most == nil or is_number(most))
      and (kind == "string" or kind == "function" or kind == "table" or kind == "number")) then
    complain(gsub, ...)
  end
  s, p = tostring(s), tostring(p)
  local limit, limit_safe = quick[p], safe[p]
  if limit == nil then
    limit, limit_safe = learn(p)
  end
  if #s > limit_safe or #s > LONG or kind == "string" and not has_all(p, replacement) then
    return replaced(s, p, replacement, most == nil and #s + 1 or int(most))
  end
  if #s > limit then
    check()
  end
  return gsub(s, p, replacement, most)
end

function guarded.gsub(...)
  local s, p, replacement, most = ...
  local limit = quick[p]
  if limit and type(s) == "string" and #s <= limit and #s <= LONG and most == nil then
    local kind = type(replacement)
    if kind == "function" or kind == "table" or kind == "string" and not find(replacement, "%", 1, true) then
      return gsub(s, p, replacement)
    end
  end
  return replaced_by(...)
end

-- == Long strings ==

-- Lua collects at its leisure, also when the next long string finds no room.
local function make_room(size)
  if size > LONG and collectgarbage("count") * 1024 + 4 * size > most_memory then
    collectgarbage()
  end
end

-- Texts joined in their order; takes them out of their list.
local function joined(pieces, total)
  while total > 1 do
    local made = 0
    for at = 1, total, 8 do
      local a, b, c, d, e, f, g, h = unpack(pieces, at, at + 7)
      made = made + 1
      for place = at, at + 7 do
        pieces[place] = nil
      end
      pieces[made] = a .. (b or "") .. (c or "") .. (d or "") .. (e or "") .. (f or "") .. (g or "") .. (h or "")
    end
    total = made
  end
  return pieces[1] or ""
end

local function in_parts(f, backwards)
  return function(...)
    local s = ...
    if type(s) == "string" and #s <= LONG then
      return f(s)
    elseif not is_text(s) then
      complain(f, ...)
    end
    local pieces, total = {}, 0
    s = tostring(s)
    make_room(#s)
    for at = 1, #s, LONG do
      total = total + 1
      pieces[total] = backwards and f(sub(s, -at - LONG + 1, -at)) or f(sub(s, at, at + LONG - 1))
      spend(LONG)
    end
    return joined(pieces, total)
  end
end

guarded.upper, guarded.lower = in_parts(string.upper), in_parts(string.lower)
guarded.reverse = in_parts(string.reverse, true)

local function repeated(...)
  local s, n = ...
  if not (is_text(s) and is_number(n)) then
    complain(rep, ...)
  end
  s, n = tostring(s), int(n)
  if s == "" or n < 1 then
    return ""
  elseif #s * n > most_memory then
    error("not enough memory", 0)
  end
  check()
  make_room(#s * n)
  local made = ""
  while n > 0 do
    if n % 2 == 1 then
      made = made .. s
    end
    n = floor(n / 2)
    if n > 0 then
      s = s .. s
    end
  end
  return made
end

function guarded.rep(...)
  local s, n = ...
  if type(s) == "string" and type(n) == "number" and n <= 1000 and #s <= 1000 then
    return rep(s, n)
  end
  return repeated(...)
end

-- == Long tables ==

local function concatenated(t, separator, first, last)
  local pieces, total = {}, 0
  for at = first, last, 1000 do
    local stop = at + 999 < last and at + 999 or last
    local ok, piece = pcall(concat, t, separator, at, stop)
    if not ok then
      fail(piece)
    end
    total = total + 1
    pieces[total] = stop < last and piece .. separator or piece
    spend(#piece)
  end
  return joined(pieces, total)
end

function guarded.concat(...)
  local t, separator, first, last = ...
  if type(t) == "table" and first == nil and last == nil and (separator == nil or is_text(separator)) and #t > 1000 then
    return concatenated(t, tostring(separator or ""), 1, #t)
  end
  local ok, made = pcall(concat, ...)
  if not ok then
    refused(made)
  end
  return made
end

-- C counts the results in an int, which many more than there can be would overflow, and the process end.
function guarded.unpack(...)
  local t, first, last = ...
  if type(t) == "table" then
    if first ~= nil and not is_number(first) or last ~= nil and not is_number(last) then
      complain(unpack, ...)
    end
    first = first == nil and 1 or int(first)
    last = last == nil and #t or int(last)
    if last - first + select("#", ...) >= MOST_RESULTS then
      fail("too many results to unpack")
    end
  else
    complain(unpack, ...)
  end
  return unpack(...)
end

-- Makes room at `at` in a list and puts a value there; C would not stop for far away places before the list.
function guarded.insert(t, at, value)
  at = int(at)
  local last = #t + 1
  if last - at <= LONG then
    return insert(t, at, value)
  end
  for place = last, at + 1, -1 do
    rawset(t, place, rawget(t, place - 1))
  end
  rawset(t, at, value)
end

local function less(a, b)
  return a < b
end

local function without_place(ok, problem)
  if not ok then
    error(type(problem) == "string" and gsub(problem, "^library:%d+: ", "") or problem, 0)
  end
end

-- The C function looks at nothing while it compares on its own.
function guarded.sort(...)
  local t, comparison = ...
  if type(t) ~= "table" or comparison ~= nil and type(comparison) ~= "function" then
    complain(sort, ...)
  end
  local size = #t
  if comparison == nil and size > 200000 then
    return without_place(pcall(sort, t, less))
  elseif size > 10000 then
    check()
  end
  return sort(t, comparison)
end

return guarded
