-- Lua's patterns, matched by Lua code: for patterns and subjects with which the C functions could take for ever. Those hold
-- the whole process until they are done; this matcher can be looked at, and ended, like the script that calls it.
--
-- A pattern becomes a chain of functions, one for each item: `step(m, at)` returns the place behind the match of this item
-- and all that follow, or nil. `m` holds the subject (`s`, `n` its length) and where captures begin and end. How captures nest is
-- the same on every path through a pattern, so it is known when the chain is made, and so are errors; they are raised when their item
-- is reached, as in C. Tail calls stay in this file (a chain is as long as its pattern), so it raises by `fail` only.
local fail, spend = ...

local byte, char, sub, find, setmetatable = string.byte, string.char, string.sub, string.find, setmetatable

local MOST_CAPTURES = 32
local OPEN = {} -- how far a capture goes that has no end

-- == Single characters and classes ==

-- The characters of an item, filled when they are first asked for: byte -> boolean.
local sets = setmetatable({}, {__mode = "v"})

local function set_of(item)
  local set = sets[item]
  if set == nil then
    set = setmetatable({}, {__index = function(known, code)
      local is = find(char(code), item) ~= nil
      known[code] = is
      return is
    end})
    sets[item] = set
  end
  return set
end

-- The place behind a single item that begins at `at`, or nil and what is wrong with it.
local function item_end(p, at)
  local first = byte(p, at)
  if first == 37 then
    if at == #p then
      return nil, "malformed pattern (ends with '%')"
    end
    return at + 2
  elseif first ~= 91 then
    return at + 1
  end
  at = at + 1
  if byte(p, at) == 94 then
    at = at + 1
  end
  repeat
    local code = byte(p, at)
    if code == nil then
      return nil, "malformed pattern (missing ']')"
    end
    at = at + 1
    if code == 37 and byte(p, at) then
      at = at + 1
    end
  until byte(p, at) == 93
  return at + 1
end

-- An item as a pattern of its own.
local function alone(item)
  return find(item, "^%p$") and "%" .. item or item
end

-- == Parsing ==

-- The items of a pattern, each a table with its kind; the last one says how it ends.
local function parse(p, at)
  local items, total = {}, 0
  local level, open = 0, {}

  local function add(kind, item)
    item = item or {}
    item.kind = kind
    total = total + 1
    items[total] = item
  end

  local function wrong(message)
    add("wrong", {message = message})
  end

  while true do
    local code = byte(p, at)
    local following = byte(p, at + 1)
    if code == nil then
      add("done", {level = level, open = open})
      break
    elseif code == 36 and following == nil then
      add("end")
      add("done", {level = level, open = open})
      break
    elseif code == 40 then
      if level >= MOST_CAPTURES then
        wrong("too many captures")
        break
      end
      level = level + 1
      if following == 41 then
        add("position", {index = level})
        at = at + 2
      else
        open[level] = true
        add("open", {index = level})
        at = at + 1
      end
    elseif code == 41 then
      local index = level
      while index > 0 and not open[index] do
        index = index - 1
      end
      if index == 0 then
        wrong("invalid pattern capture")
        break
      end
      open[index] = nil
      add("close", {index = index})
      at = at + 1
    elseif code == 37 and following == 98 then
      local from, to = byte(p, at + 2, at + 3)
      if to == nil then
        wrong("unbalanced pattern")
        break
      end
      add("balance", {from = from, to = to, either = "[" .. alone(char(from)) .. alone(char(to)) .. "]"})
      at = at + 4
    elseif code == 37 and following == 102 then
      if byte(p, at + 2) ~= 91 then
        wrong("missing '[' after '%f' in pattern")
        break
      end
      local behind, problem = item_end(p, at + 2)
      if behind == nil then
        wrong(problem)
        break
      end
      add("frontier", {set = set_of(sub(p, at + 2, behind - 1))})
      at = behind
    elseif code == 37 and following and following >= 48 and following <= 57 then
      local index = following - 48
      if index < 1 or index > level or open[index] then
        wrong("invalid capture index")
        break
      end
      add("again", {index = index})
      at = at + 2
    else
      local behind, problem = item_end(p, at)
      if behind == nil then
        wrong(problem)
        break
      end
      local item = sub(p, at, behind - 1)
      item = item == "." and item or alone(item)
      local suffix = byte(p, behind)
      local kind = suffix == 63 and "maybe" or suffix == 42 and "most" or suffix == 43 and "some" or suffix == 45 and "least"
      add(kind or "one", {item = item, set = set_of(item)})
      at = kind and behind + 1 or behind
    end
  end
  return items, total
end

-- == From items to steps ==

-- Each maker gets an item, the step that follows and the item that this one surely begins with (as a pattern; nil if none).
local make = {}

function make.done()
  return function(_, at)
    return at
  end
end

make["end"] = function()
  return function(m, at)
    return at == m.n + 1 and at or nil
  end
end

function make.wrong(item)
  return function()
    fail(item.message)
  end
end

-- What begins here, until it is known where it ends: nothing more of a position.
local function beginning(behind)
  return function(item, rest)
    local index = item.index
    return function(m, at)
      m[index], m[-index] = at, behind
      return rest(m, at)
    end
  end
end

make.position, make.open = beginning(nil), beginning(OPEN)

function make.close(item, rest)
  local index = item.index
  return function(m, at)
    m[-index] = at - 1
    return rest(m, at)
  end
end

function make.again(item, rest)
  local index = item.index
  return function(m, at)
    local first, last = m[index], m[-index]
    if last == nil then -- of a position
      return nil
    end
    local size = last - first + 1
    if at + size - 1 > m.n then
      return nil
    end
    spend(size)
    if size > 0 and sub(m.s, first, last) ~= sub(m.s, at, at + size - 1) then
      return nil
    end
    return rest(m, at + size)
  end
end

function make.frontier(item, rest)
  local set = item.set
  return function(m, at)
    local before, here = byte(m.s, at - 1), byte(m.s, at)
    if at == 1 then
      before = nil
    end
    if set[before or 0] or not set[here or 0] then
      return nil
    end
    return rest(m, at)
  end
end

function make.balance(item, rest)
  local from, to, either = item.from, item.to, item.either
  return function(m, at)
    local s = m.s
    if byte(s, at) ~= from then
      return nil
    end
    local depth = 1
    repeat
      local place = find(s, either, at + 1)
      if place == nil then
        spend(m.n - at)
        return nil
      end
      spend(place - at)
      at = place
      if byte(s, at) == to then
        depth = depth - 1
      else
        depth = depth + 1
      end
    until depth == 0
    return rest(m, at + 1)
  end
end

function make.one(item, rest)
  local set = item.set
  return function(m, at)
    local code = byte(m.s, at)
    if code and set[code] then
      return rest(m, at + 1)
    end
  end
end

function make.maybe(item, rest)
  local set = item.set
  return function(m, at)
    local code = byte(m.s, at)
    if code and set[code] then
      local behind = rest(m, at + 1)
      if behind then
        return behind
      end
    end
    return rest(m, at)
  end
end

-- The last place of a run that begins at `at`; at - 1 if there is none.
local function run_end(m, run, at)
  local _, last = find(m.s, run, at)
  spend(last - at + 1)
  return last
end

local function longest_first(run, rest, peek)
  local set = peek and set_of(peek)
  return function(m, at)
    local s = m.s
    for place = run_end(m, run, at) + 1, at, -1 do
      local code = set and byte(s, place)
      if not set or code and set[code] then
        local behind = rest(m, place)
        if behind then
          return behind
        end
      end
    end
  end
end

function make.most(item, rest, peek)
  return longest_first("^" .. item.item .. "*", rest, peek)
end

function make.some(item, rest, peek)
  local set, more = item.set, longest_first("^" .. item.item .. "*", rest, peek)
  return function(m, at)
    local code = byte(m.s, at)
    if code and set[code] then
      return more(m, at + 1)
    end
  end
end

function make.least(item, rest, peek)
  local run, set = "^" .. item.item .. "*", item.set
  if peek == nil then
    return function(m, at)
      local s = m.s
      while true do
        local behind = rest(m, at)
        if behind then
          return behind
        end
        local code = byte(s, at)
        if not code or not set[code] then
          return nil
        end
        at = at + 1
      end
    end
  end
  return function(m, at)
    local s, last = m.s, nil
    while true do
      local place = find(s, peek, at)
      if place == nil then
        spend(m.n - at)
        return nil
      end
      if place > at then
        last = last or run_end(m, run, at)
        if place > last + 1 then
          return nil
        end
        spend(place - at)
      end
      local behind = rest(m, place)
      if behind then
        return behind
      end
      if not set[byte(s, place)] then
        return nil
      end
      at = place + 1
    end
  end
end

local TRANSPARENT = {open = true, close = true, position = true}

-- A pattern from `at` on: its first step, what a match begins with (or nil), how many captures it has, and those without an end.
local function compile(p, at)
  local stop = find(p, "%z")
  if stop then
    p = sub(p, 1, stop - 1)
  end
  local items, total = parse(p, at)
  local last = items[total]
  local step, peek
  local sound = last.kind == "done"
  for index = total, 1, -1 do
    local item = items[index]
    step = make[item.kind](item, step, sound and peek or nil)
    if item.kind == "one" or item.kind == "some" then
      peek = item.item
    elseif not TRANSPARENT[item.kind] then
      peek = nil
    end
  end
  return {step = step, peek = sound and peek or nil, level = last.level, open = last.open}
end

local known, count = {}, 0

local function compiled(p, at)
  local key = at .. p
  local found = known[key]
  if found == nil then
    found = compile(p, at)
    if count >= 100 then
      known, count = {}, 0
    end
    if #p <= 1000 then
      known[key], count = found, count + 1
    end
  end
  return found
end

-- The first match at or after a place: its first place and the one behind it, or nil.
local function search(pattern, m, at, anchored)
  local s, step, peek, behind = m.s, pattern.step, pattern.peek
  if anchored then
    behind = step(m, at)
    return behind and at, behind
  end
  local stop = m.n + 1
  while at <= stop do
    if peek then
      local place = find(s, peek, at)
      if place == nil then
        spend(stop - at)
        return nil
      end
      spend(place - at)
      at = place
    end
    behind = step(m, at)
    if behind then
      return at, behind
    end
    at = at + 1
  end
end

-- A capture of a match; number 1 is the whole match if there is none.
local function capture(pattern, m, index, first, behind)
  if index > pattern.level then
    if index ~= 1 then
      fail("invalid capture index")
    end
    return sub(m.s, first, behind - 1)
  end
  local last = m[-index]
  if last == nil then
    return m[index]
  elseif last == OPEN then
    fail("unfinished capture")
  end
  return sub(m.s, m[index], last)
end

local function captures_from(pattern, m, index, first, behind)
  if index < pattern.level then
    return capture(pattern, m, index, first, behind), captures_from(pattern, m, index + 1, first, behind)
  end
  return (capture(pattern, m, index, first, behind))
end

-- All captures of a match, or the whole match if there are none.
local function captures(pattern, m, first, behind)
  return captures_from(pattern, m, 1, first, behind)
end

return {compiled = compiled, search = search, captures = captures, capture = capture, parse = parse}
