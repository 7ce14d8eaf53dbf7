-- What scripts see: their globals, and the `redis` table. Runs once in each interpreter, before any script, and is trusted.
--
-- Nothing of Python is reachable for scripts: they are handed functions of this file, never a Python object, and get back
-- only strings, numbers, booleans and tables. Tables of libraries are read-only; there are no other globals.
local host, settings, errors, libraries_of = ...

local type, tostring, select, error, pcall, xpcall, setmetatable, rawget, rawset, next =
  type, tostring, select, error, pcall, xpcall, setmetatable, rawget, rawset, next
local getmetatable, unpack, loadstring, concat, format, gsub, byte, find, match, sub =
  getmetatable, unpack, loadstring, table.concat, string.format, string.gsub, string.byte, string.find, string.match,
  string.sub
local floor = math.floor
local collectgarbage, tonumber, setfenv, dump, newproxy, clock = collectgarbage, tonumber, setfenv, string.dump, newproxy, os.clock
local sethook, getinfo, cocreate, coresume = debug.sethook, debug.getinfo, coroutine.create, coroutine.resume
local native = {
  next = next, rawset = rawset, rawget = rawget, setmetatable = setmetatable, getmetatable = getmetatable,
  insert = table.insert,
}
local G = _G
local modern = settings.modern

-- Errors of our own functions read like those of the C functions for which they stand: they call a function what its caller calls it.
local function named(level)
  return getinfo(level + 1, "n").name or "?"
end

local function bad(number, message)
  error(format("bad argument #%d to '%s' (%s)", number, named(2), message), 3)
end

-- The first of the arguments.
local function typed(wanted, ...)
  if type((...)) ~= wanted then
    local got = select("#", ...) == 0 and "no value" or type((...))
    error(format("bad argument #1 to '%s' (%s expected, got %s)", named(2), wanted, got), 3)
  end
end

local function complete(least, ...)
  if select("#", ...) < least then
    error(format("bad argument #%d to '%s' (value expected)", select("#", ...) + 1, named(2)), 3)
  end
end

-- == Read-only tables ==

local inside = setmetatable({}, {__mode = "k"})

local READONLY = "Attempt to modify a readonly table"

local function refuse()
  error(READONLY, 2)
end

local function readonly(contents, metatable)
  local shown = {}
  inside[shown] = contents
  return setmetatable(shown, {__index = contents, __newindex = refuse, __metatable = metatable or false})
end

local function api_error(text)
  if modern then
    error({err = "ERR " .. text})
  end
  error(text, 0)
end

local base = {
  _VERSION = _VERSION, assert = assert, collectgarbage = nil, error = error, gcinfo = gcinfo, ipairs = ipairs,
  rawequal = rawequal, select = select, tonumber = tonumber, tostring = tostring, type = type, unpack = unpack,
  xpcall = xpcall,
}

local function following(shown, key)
  return native.next(inside[shown], key)
end

function base.next(...)
  local t, key = ...
  if inside[t] then
    return following(t, key)
  end
  typed("table", ...)
  return native.next(t, key)
end

function base.pairs(...)
  local t = ...
  if inside[t] then
    return following, t, nil
  end
  typed("table", ...)
  return native.next, t, nil
end

function base.rawset(...)
  local t, key, value = ...
  typed("table", ...)
  complete(3, ...)
  if inside[t] then
    error(READONLY, 0)
  end
  return native.rawset(t, key, value)
end

function base.rawget(...)
  local t, key = ...
  typed("table", ...)
  complete(2, ...)
  return native.rawget(inside[t] or t, key)
end

function base.setmetatable(...)
  local t, metatable = ...
  typed("table", ...)
  if select("#", ...) == 1 or (metatable ~= nil and type(metatable) ~= "table") then
    bad(2, "nil or table expected")
  end
  if inside[t] then
    error(READONLY, 0)
  end
  local protected = native.getmetatable(t)
  if type(protected) ~= "table" and protected ~= nil then
    error("cannot change a protected metatable", 2)
  end
  return native.setmetatable(t, metatable)
end

function base.getmetatable(...)
  complete(1, ...)
  local found = native.getmetatable((...))
  if found == false then
    return nil
  end
  return found
end

-- Byte code could do anything, so scripts cannot load it: text is all that compiles. A tail call would take the caller off the
-- stack, and with it the line that errors name: calls of C functions, which ours stand for, never do. So they become calls.
local function compiled(text, name, environment)
  name = match(name, "^[^%z]*") -- what C takes of it, so that it is this string, which nothing collects meanwhile
  if #text > 1e6 and collectgarbage("count") + #text / 50 > settings.soft_limit_kb then
    error("not enough memory", 0)
  end
  local made, problem = loadstring(byte(text, 1) == 27 and " " .. text or text, name)
  if made == nil then
    return nil, problem
  end
  made, problem = loadstring(host.without_tail_calls(dump(made)), name)
  if made == nil then
    return nil, problem
  end
  return setfenv(made, environment)
end

local function load_text(environment, chunk, name)
  if type(chunk) == "number" then
    chunk = tostring(chunk)
  end
  return compiled(chunk, name or chunk, environment)
end

local function load_pieces(environment, reader, name)
  local pieces = {}
  while true do
    local ok, piece = pcall(reader)
    if not ok then
      return nil, piece
    end
    if piece == nil or piece == "" then
      break
    end
    if type(piece) ~= "string" then
      return nil, "reader function must return a string"
    end
    pieces[#pieces + 1] = piece
  end
  return compiled(concat(pieces), name or "=(load)", environment)
end

-- A stopped collector would outlive the script.
function base.collectgarbage(option, argument)
  if option == nil or option == "collect" or option == "count" or option == "step" then
    return collectgarbage(option or "collect", argument)
  end
  if option == "stop" or option == "restart" then
    return 0
  end
  if option == "setpause" or option == "setstepmul" then
    return 200
  end
  bad(1, format("invalid option '%s'", tostring(option)))
end

-- Valkey's own pcall: an error that is a table with `err` comes back as that text.
local function settled(ok, ...)
  if ok then
    return ok, ...
  end
  local problem = ...
  if type(problem) == "table" then
    local text = problem.err
    if type(text) == "string" or type(text) == "number" then
      problem = text
    end
  end
  return ok, problem
end

if not modern then
  function base.print() end -- what it wrote nobody has read
end

if modern then
  function base.pcall(...)
    if select("#", ...) == 0 then
      return false, "attempt to call a boolean value" -- it puts `true` before what it calls, and that is left then
    end
    return settled(pcall(...))
  end
else
  base.pcall = pcall
end

-- == Scripts that run too long ==

local EVERY, FEWEST = 100000, 20
local killed = nil
local every, looked = EVERY, clock()
local at_count, spare, is_armed

-- Steps take long where strings are (`..`, `<`), so the more memory is in use, the fewer steps may stand between two looks; and
-- fewer still after a look that came late.
local function pace()
  local now = clock()
  local took = now - looked
  looked = now
  if took > 0.05 then
    every = every / 16
  elseif took < 0.002 then
    every = every * 4
  end
  local kilobytes = collectgarbage("count")
  local most = kilobytes < 8192 and EVERY or EVERY * (8192 / kilobytes) ^ 2
  every = every > most and most or every
  every = every < FEWEST and FEWEST or floor(every)
  sethook(at_count, "", every)
end

local function interrupt()
  local reason = host.interrupted()
  if reason then
    killed = modern and {err = "ERR " .. reason} or reason
    -- From now on every step fails: the script cannot catch this and go on.
    sethook(at_count, "", 1)
  end
  -- The code of this file is short, and ends the run; that of scripts and libraries is what must not go on.
  if not killed then
    pace()
  elseif getinfo(2, "S").source ~= "=server" then
    error(killed, 0)
  end
end

at_count = interrupt
sethook(at_count, "", EVERY)

-- What is no longer needed is collected when memory has doubled; this object too, which tells of it.
local function collected()
  is_armed = pcall(newproxy, spare)
  if not killed and every > FEWEST and collectgarbage("count") > 8192 then
    every = FEWEST
    sethook(at_count, "", every)
  end
end

spare = newproxy(true)
getmetatable(spare).__gc = collected
is_armed = pcall(newproxy, spare)

-- The same between two steps of which each may take its time.
local function check()
  local reason = host.interrupted()
  if reason then
    killed = modern and {err = "ERR " .. reason} or reason
    sethook(at_count, "", 1)
    error(killed, 0)
  end
end

-- Looks when much has been done by C functions, of which the hook counts each as one step.
local ENOUGH, spent = 1e7, 0

local function spend(units)
  spent = spent + units
  if spent > ENOUGH then
    spent = 0
    check()
  end
end

local function hooked(f)
  local co = cocreate(f)
  sethook(co, at_count, "", killed and 1 or every)
  return co
end

local function resumed(co, ok, ...)
  if ok then
    return ...
  end
  local problem = ...
  if type(problem) == "string" then
    local at = getinfo(3, "Sl")
    if at and at.currentline > 0 then
      problem = gsub(at.source, "^[@=]", "") .. ":" .. at.currentline .. ": " .. problem
    end
  end
  error(problem, 0)
end

-- Whether a coroutine may run it: what C code is on a real server cannot be one.
local function is_scripts(f)
  local at = type(f) == "function" and getinfo(f, "S")
  return at and at.what ~= "C" and not errors.ours[at.source]
end

local coroutines = {
  create = function(f)
    if not is_scripts(f) then
      bad(1, "Lua function expected")
    end
    return hooked(f)
  end,
  wrap = function(f)
    if not is_scripts(f) then
      bad(1, "Lua function expected")
    end
    local co = hooked(f)
    return function(...)
      return resumed(co, coresume(co, ...))
    end
  end,
  resume = coroutine.resume, running = coroutine.running, status = coroutine.status, yield = coroutine.yield,
}

-- == Libraries ==

local function copy(t)
  local twin = {}
  for key, value in native.next, t do
    twin[key] = value
  end
  return twin
end

-- Calls a Python function that answers (true, result...) or (false, argument number or 0, message); -1 means that it was ended.
local function checked(ok, ...)
  if ok then
    return ...
  end
  local number, message = ...
  if number == -1 then
    check()
  elseif number == 0 then
    error(message, 3)
  end
  error(format("bad argument #%d to '%s' (%s)", number, named(2), message), 3)
end

-- Python only gets strings and numbers; of other values the name of their type.
local function described(...)
  local count = select("#", ...)
  local values = {...}
  for at = 1, count do
    local kind = type(values[at])
    if kind ~= "string" and kind ~= "number" then
      values[at] = host.other(kind)
    elseif values[at] == 0 and 1 / values[at] < 0 then
      values[at] = "-0" -- which Python would get as the integer 0
    end
  end
  return unpack(values, 1, count)
end

-- A function written in Python; a `quick` one answers what it can without it.
local function python(f, quick)
  if not quick then
    return function(...)
      return checked(f(described(...)))
    end
  end
  return function(...)
    local answer = quick(...)
    if answer then
      return answer
    end
    return checked(f(described(...)))
  end
end

local strings, numbers, tables = copy(string), copy(math), copy(table)
-- Steps of a C function take some nanoseconds each: so many of them need no look, and so many may stand between two.
local QUICK, SAFE = 1e4, 1e8
local guarded = libraries_of.guarded(
  libraries_of.patterns(errors.fail, spend), errors, check, spend, settings.soft_limit_kb * 1024, QUICK, SAFE)
for _, name in native.next, {"find", "match", "gmatch", "gsub", "rep", "upper", "lower", "reverse"} do
  strings[name] = guarded[name]
end
strings.gfind, tables.concat, tables.sort = guarded.gmatch, guarded.concat, guarded.sort
base.unpack = guarded.unpack

function tables.insert(...)
  local t, place, value = ...
  if inside[t] then
    error(READONLY, 0)
  end
  typed("table", ...)
  local count = select("#", ...)
  if count == 2 then
    native.rawset(t, #t + 1, place)
    return
  end
  if count ~= 3 then
    error("wrong number of arguments to 'insert'", 2)
  end
  local at = tonumber(place)
  if at == nil then
    bad(2, "number expected, got " .. type(place))
  end
  guarded.insert(t, at, value)
end

-- Random numbers are those of drand48, the same after the same seed on every machine (Valkey's rand.c). Its 48 bits are kept in
-- halves, since a product of more than 53 bits is not exact. Arguments that are no plain integers are read in Python.
local reseed
do
  local HALF, TOP, TIMES_HIGH, TIMES_LOW, PLUS, UNDER_SEED = 16777216, 2147483648, 0x5DE, 0xECE66D, 0xB, 0x330E
  local high, low = 0x1234AB, 0xCD330E

  function reseed(seed)
    high, low = floor(seed / 256), seed % 256 * 65536 + UNDER_SEED
  end

  local function draw()
    local product = low * TIMES_LOW + PLUS
    local below = product % HALF
    high = (high * TIMES_LOW + low * TIMES_HIGH + (product - below) / HALF) % HALF
    low = below
    return (high * 128 + floor(low / 131072)) % (TOP - 1) / (TOP - 1)
  end

  local function is_plain(value)
    return type(value) == "number" and value % 1 == 0 and value >= -TOP and value < TOP
  end

  function numbers.random(...)
    local luck, count = draw(), select("#", ...)
    if count == 0 then
      return luck
    end
    local first, last = ...
    if count == 1 and is_plain(first) and first >= 1 then
      return floor(luck * first) + 1
    elseif count ~= 2 or not is_plain(first) or not is_plain(last) or first > last then
      first, last = checked(host.random_bounds(described(...)))
    end
    if last == nil then
      return floor(luck * first) + 1
    end
    return floor(luck * (last - first + 1)) + first
  end

  function numbers.randomseed(...)
    reseed(checked(host.random_seed(described(...))))
  end
end

local quick_bits = {}

-- Whole numbers of 32 bits, which nearly all are, need not go to Python: their bits are found byte by byte in a table.
do
  local common -- the bits that two bytes have in common, at 256 * one + other
  local TOP, ALL = 2147483648, 4294967296

  local function prepare()
    common = {[0] = 0}
    for one = 0, 255 do
      for other = 0, 255 do
        local low = one % 2 == 1 and other % 2 == 1 and 1 or 0
        common[256 * one + other] = low + 2 * common[128 * (one - one % 2) + (other - other % 2) / 2]
      end
    end
  end

  local function is_whole(value)
    return type(value) == "number" and value >= -TOP and value < ALL and value % 1 == 0
  end

  local function signed(value)
    return value >= TOP and value - ALL or value
  end

  local function both(a, b)
    if not common then
      prepare()
    end
    local a1, b1 = a % 256, b % 256
    local a2, b2 = a % 65536 - a1, b % 65536 - b1
    local a3, b3 = a % 16777216 - a1 - a2, b % 16777216 - b1 - b2
    return common[256 * a1 + b1] + common[a2 + b2 / 256] * 256 + common[a3 / 256 + b3 / 65536] * 65536
      + common[(a - a1 - a2 - a3) / 65536 + (b - b1 - b2 - b3) / 16777216] * 16777216
  end

  local function of_two(combined)
    return function(a, b, ...)
      if select("#", ...) == 0 and is_whole(a) and is_whole(b) then
        return signed(combined(a % ALL, b % ALL))
      end
    end
  end

  quick_bits.band = of_two(both)
  quick_bits.bor = of_two(function(a, b) return a + b - both(a, b) end)
  quick_bits.bxor = of_two(function(a, b) return a + b - 2 * both(a, b) end)
  quick_bits.lshift = of_two(function(a, b) return a * 2 ^ (b % 32) % ALL end)
  quick_bits.rshift = of_two(function(a, b)
    local step = 2 ^ (b % 32)
    return (a - a % step) / step
  end)
end

local bits = {}
for _, name in native.next, {
  "tobit", "bnot", "band", "bor", "bxor", "lshift", "rshift", "arshift", "rol", "ror", "bswap", "tohex",
} do
  bits[name] = python(host["bit_" .. name], quick_bits[name])
end

local structs = {
  pack = python(host.struct_pack, host.struct_pack_quickly),
  unpack = function(...)
    local layout, data = ...
    if type(layout) == "string" and type(data) == "string" and select("#", ...) == 2 then
      return checked(host.struct_unpack(layout, data))
    end
    return checked(host.struct_unpack(described(...)))
  end,
  size = python(host.struct_size),
}

-- == redis.call ==

local reply_kinds = {ok = 1, failed = 2, refused = 3, unsure = 4}
local limit = settings.soft_limit_kb

local function raised(problem)
  if modern then
    error(problem)
  end
  error(problem.err, 0)
end

-- Only what is certain to fit is handed over: the crossing to Python cannot bear a failed allocation.
local function make_room()
  if collectgarbage("count") > limit then
    collectgarbage("collect")
    if collectgarbage("count") > limit then
      error("not enough memory", 0)
    end
  end
end

local function failed(text, kind)
  local problem = {err = text}
  if kind == reply_kinds.failed and modern then
    problem.ignore_error_stats_update = true
  elseif kind == reply_kinds.refused and modern then
    problem.err = "ERR " .. text
  elseif kind == reply_kinds.refused then
    local level, at = 3, getinfo(3, "Sl")
    while at.source == "=server" do
      level = level + 1
      at = getinfo(level, "Sl")
    end
    problem.err = format("%s: %d: %s", at.source, at.currentline, text)
  end
  return problem
end

local call_host, count = host.call, collectgarbage
local UNSURE = reply_kinds.unsure
local MANY = 7000 -- arguments, of which a call of Python cannot have as many as one of C

-- Python gets the number -0 as the integer 0. Where it got one it asks for whole numbers again, as text.
local function signed(...)
  local words, total = {...}, select("#", ...)
  for at = 1, total do
    local word = words[at]
    if type(word) == "number" and word % 1 == 0 and word < 1e14 and word > -1e14 then
      words[at] = tostring(word)
    end
  end
  return unpack(words, 1, total)
end

local server_call, server_pcall

function server_call(...)
  if count("count") > limit then
    make_room()
  end
  local value, kind
  if select("#", ...) > MANY then
    value, kind = host.call_many(select("#", ...), {...})
  else
    value, kind = call_host(...)
  end
  if kind == nil then
    return value
  end
  if kind == 1 then
    return {ok = value}
  end
  if kind == UNSURE then
    return server_call(signed(...))
  end
  raised(failed(value, kind))
end

function server_pcall(...)
  if count("count") > limit then
    make_room()
  end
  local value, kind
  if select("#", ...) > MANY then
    value, kind = host.call_many(select("#", ...), {...})
  else
    value, kind = call_host(...)
  end
  if kind == nil then
    return value
  end
  if kind == 1 then
    return {ok = value}
  end
  if kind == UNSURE then
    return server_pcall(signed(...))
  end
  return (failed(value, kind))
end

-- == The rest of the redis table ==

local wrong_arguments = "wrong number or type of arguments"

-- What C takes a text for.
local function until_nul(text)
  local nul = find(text, "\0", 1, true)
  return nul and sub(text, 1, nul - 1) or text
end

local function error_table(text)
  local code, message = "ERR", until_nul(text)
  if byte(message, 1) == 45 then
    local space = find(message, " ", 1, true)
    if space then
      code = sub(message, 2, space - 1)
    end
    message = sub(message, (space or 1) + 1)
  end
  return {err = code .. " " .. gsub(gsub(message, "^[\r\n]+", ""), "[\r\n]+$", "")}
end

-- A C cast of lua_tonumber.
local function whole(value)
  local number = (type(value) == "number" or type(value) == "string") and tonumber(value) or 0
  return number < 0 and -floor(-number) or floor(number)
end

local api = {}

function api.sha1hex(...)
  if select("#", ...) ~= 1 then
    api_error("wrong number of arguments")
  end
  local text = ...
  return host.sha1hex((type(text) == "string" or type(text) == "number") and tostring(text) or "")
end

function api.error_reply(...)
  local text = ...
  if select("#", ...) ~= 1 or type(text) ~= "string" then
    if modern then
      return error_table(wrong_arguments)
    end
    local at = getinfo(2, "Sl")
    return {err = format("%s: %d: %s", at.source, at.currentline, wrong_arguments)}
  end
  if not modern then
    return {err = text}
  end
  return error_table(byte(text, 1) == 45 and text or "-" .. text)
end

function api.status_reply(...)
  local text = ...
  if select("#", ...) ~= 1 or type(text) ~= "string" then
    if modern then
      return error_table(wrong_arguments)
    end
    local at = getinfo(2, "Sl")
    return {err = format("%s: %d: %s", at.source, at.currentline, wrong_arguments)}
  end
  return {ok = text}
end

function api.log(...)
  local total = select("#", ...)
  if total < 2 then
    api_error("redis.log() requires two arguments or more.")
  end
  local level = tonumber((...))
  if level == nil then
    api_error("First argument must be a number (log level).")
  end
  level = level == level and whole(level) or -1
  if level < 0 or level > 3 then
    api_error("Invalid debug level.")
  end
  local words = {}
  for at = 2, total do
    local word = select(at, ...)
    if type(word) == "string" or type(word) == "number" then
      words[#words + 1] = tostring(word)
    end
  end
  host.log(level, concat(words, " "))
end

function api.setresp(...)
  if select("#", ...) ~= 1 then
    api_error("redis.setresp() requires one argument.")
  end
  local protocol = whole((...))
  if protocol ~= 2 and protocol ~= 3 then
    api_error("RESP version must be 2 or 3.")
  end
  host.setresp(protocol)
end

function api.set_repl(...)
  if select("#", ...) ~= 1 then
    api_error("redis.set_repl() requires two arguments.")
  end
  local flags = whole((...))
  if flags ~= 0 and flags ~= 1 and flags ~= 2 and flags ~= 3 then
    api_error("Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.")
  end
end

api.call, api.pcall = server_call, server_pcall
api.LOG_DEBUG, api.LOG_VERBOSE, api.LOG_NOTICE, api.LOG_WARNING = 0, 1, 2, 3
api.REPL_NONE, api.REPL_AOF, api.REPL_SLAVE, api.REPL_REPLICA, api.REPL_ALL = 0, 1, 2, 2, 3

if modern then
  api.REDIS_VERSION, api.REDIS_VERSION_NUM = settings.version, settings.version_number
  function api.acl_check_cmd(...)
    local value, kind = host.acl_check_cmd(signed(...))
    if kind ~= nil then
      error({err = value})
    end
    return value
  end
end

local new_cjson = libraries_of.cjson(errors)(host, native.next)
local cjson, reset_cjson = new_cjson()

local libraries = {
  string = readonly(strings), math = readonly(numbers), table = readonly(tables), bit = readonly(bits),
  struct = readonly(structs), cjson = readonly(cjson),
  cmsgpack = readonly(libraries_of.cmsgpack(errors)(host, settings)),
  coroutine = readonly(coroutines),
}
native.getmetatable("").__index = strings
native.getmetatable("").__metatable = readonly({__index = libraries.string})

-- == Globals ==

local function nonexistent(_, name)
  if type(name) ~= "string" and type(name) ~= "number" then
    error("Second argument to luaProtectedTableError must be a string or number", 2)
  end
  error(format("Script attempted to access nonexistent global variable '%s'", tostring(name)), 2)
end

local function globals_with(redis)
  local known = copy(base)
  for name, library in native.next, libraries do
    known[name] = library
  end
  known.redis = readonly(redis)
  return known
end

local eval_api = copy(api)
eval_api.breakpoint = function() return false end
eval_api.debug = function() end
eval_api.replicate_commands = function()
  local luck = modern or host.replicate_commands()
  if luck and not modern then
    reseed(luck)
  end
  return luck ~= false
end

local eval_globals = globals_with(eval_api)
local function_globals = globals_with(api)
function_globals.cjson = readonly((new_cjson()))
local function_environment, function_metatable = {}

-- No script has this table, and lupa looks into it without protection; but it holds nothing that anyone could use.
for name in native.next, copy(G) do
  G[name] = nil
end

local eval_environment = {}

local function chunk_name(name)
  if name ~= nil and type(name) ~= "string" and type(name) ~= "number" then
    error(format("bad argument #2 to '%s' (string expected, got %s)", named(2), type(name)), 3)
  end
  return name and tostring(name)
end

local function protect(environment, known)
  inside[environment] = known
  known._G = environment
  known.loadstring = function(...)
    local chunk, name = ...
    if type(chunk) ~= "number" then
      typed("string", ...)
    end
    return load_text(environment, chunk, chunk_name(name))
  end
  known.load = function(...)
    local reader, name = ...
    name = chunk_name(name)
    typed("function", ...)
    return load_pieces(environment, reader, name)
  end
  setmetatable(known, {__index = nonexistent})
  local shown = readonly({__index = nonexistent})
  local metatable = {__index = known, __newindex = refuse, __metatable = shown}
  setmetatable(environment, metatable)
  return metatable
end

protect(eval_environment, eval_globals)
function_metatable = protect(function_environment, function_globals)

-- == Running ==

local function where(level)
  local at = getinfo(level, "Sl")
  if at and at.what == "C" then
    level = level + 1
    at = getinfo(level, "Sl")
  end
  while at and errors.ours[at.source] do
    level = level + 1
    at = getinfo(level, "Sl")
    if at and at.what == "C" then
      level = level + 1
      at = getinfo(level, "Sl")
    end
  end
  return at
end

local function traced(problem)
  local at = where(3)
  if type(problem) == "string" and at and find(problem, "^library:%d+: ") then
    -- A C function complains of its caller, which stands for it.
    problem = gsub(problem, "^library:%d+", (gsub(at.short_src .. ":" .. at.currentline, "%%", "%%%%")))
  elseif type(problem) == "string" then
    problem = gsub(problem, "^server:%d+: ", "") -- error("...", 2) of a script, which C calls on a real server
  end
  if not modern then
    local kind = type(problem)
    if at and kind ~= "string" and kind ~= "number" then
      return format("@err_handler_def:9: err_handler_def:9: attempt to concatenate local 'err' (a %s value)", kind)
    end
    return at and at.source .. ":" .. at.currentline .. ": " .. tostring(problem) or tostring(problem)
  end
  if type(problem) ~= "table" then
    problem = {err = "ERR " .. tostring(problem)}
  end
  if at then
    rawset(problem, "source", at.source)
    rawset(problem, "line", at.currentline)
  end
  return problem
end

eval_globals.__redis__err__handler = traced

-- Encodes what a script returns. Every level of nesting takes room on the stack of the real interpreter, which has an end.
local STACK = 7994
local out, length, protocol, resp

local size = 0 -- of what was added: one string may be there many times

local function add(text)
  length, size = length + 1, size + #text
  if size > limit * 1024 then
    out = nil
    error("not enough memory", 0)
  end
  out[length] = text
end

local encode

local function encode_pairs(t, depth, sets)
  local place, total = length + 1, 0
  add("")
  for key, value in native.next, t do
    encode(key, depth + 3)
    if not sets then
      encode(value, depth + 2)
    end
    total = total + 1
  end
  if sets then
    out[place] = (protocol == 3 and "~" or "*") .. total .. "\r\n"
  else
    out[place] = protocol == 3 and "%" .. total .. "\r\n" or "*" .. 2 * total .. "\r\n"
  end
end

local function one_line(text)
  return (gsub(text, "[\r\n]", " "))
end

local function encode_table(t, depth)
  local special = rawget(t, "err")
  if type(special) == "string" then
    return add("-" .. one_line(gsub(until_nul(special), "[\r\n]+$", "")) .. "\r\n")
  end
  special = rawget(t, "ok")
  if type(special) == "string" then
    return add("+" .. one_line(until_nul(special)) .. "\r\n")
  end
  special = rawget(t, "double")
  if type(special) == "number" then
    return add(host.double((signed(special))))
  end
  special = rawget(t, "big_number")
  if modern and type(special) == "string" then
    special = one_line(special)
    return add(protocol == 3 and "(" .. special .. "\r\n" or "$" .. #special .. "\r\n" .. special .. "\r\n")
  end
  special = rawget(t, "verbatim_string")
  if modern and type(special) == "table" then
    local kind, text = rawget(special, "format"), rawget(special, "string")
    if type(kind) == "string" and type(text) == "string" then
      if protocol == 3 then
        kind = sub(kind .. "   ", 1, 3)
        return add("=" .. #text + 4 .. "\r\n" .. kind .. ":" .. text .. "\r\n")
      end
      return add("$" .. #text .. "\r\n" .. text .. "\r\n")
    end
  end
  special = rawget(t, "map")
  if type(special) == "table" then
    return encode_pairs(special, depth, false)
  end
  special = rawget(t, "set")
  if type(special) == "table" then
    return encode_pairs(special, depth, true)
  end
  local place, total = length + 1, 0
  add("")
  while true do
    local value = rawget(t, total + 1)
    if value == nil then
      break
    end
    encode(value, depth + 1)
    total = total + 1
  end
  out[place] = "*" .. total .. "\r\n"
end

function encode(value, depth)
  if depth > STACK then
    return add("-ERR reached lua stack limit\r\n")
  end
  local kind = type(value)
  if kind == "string" and #value < 1000 then
    add("$" .. #value .. "\r\n" .. value .. "\r\n")
  elseif kind == "string" then -- not copied
    add("$" .. #value .. "\r\n")
    add(value)
    add("\r\n")
  elseif kind == "number" then
    add(format(":%d\r\n", value))
  elseif kind == "boolean" then
    if resp == 2 then
      add(value and ":1\r\n" or protocol == 3 and "_\r\n" or "$-1\r\n")
    elseif protocol == 3 then
      add(value and "#t\r\n" or "#f\r\n")
    else
      add(value and ":1\r\n" or ":0\r\n")
    end
  elseif kind == "table" then
    encode_table(inside[value] or value, depth)
  else
    add(protocol == 3 and "_\r\n" or "$-1\r\n")
  end
end

-- The reply: a plain value, or a value and its kind.
local function reply(value)
  local kind = type(value)
  if kind == "string" or kind == "number" then
    return value
  end
  if kind ~= "table" then
    if kind == "boolean" then
      protocol, resp = host.protocols()
      if resp == 3 then
        return value
      end
      return value and 1 or nil
    end
    return nil
  end
  local special = rawget(value, "err")
  if type(special) == "string" then
    return until_nul(special), rawget(value, "ignore_error_stats_update") == true and "counted" or "error"
  end
  special = rawget(value, "ok")
  if type(special) == "string" then
    return one_line(until_nul(special)), "ok"
  end
  protocol, resp = host.protocols()
  out, length, size = {}, 0, 0
  encode(value, 0)
  make_room()
  local wire = concat(out)
  out = nil
  return wire, "wire"
end

local function text_of(problem, name)
  local found = type(problem) == "table" and rawget(problem, name) or nil
  return (type(found) == "string" or type(found) == "number") and tostring(found) or nil
end

-- In this order: while every step is looked at, the next one would say again that the script is killed.
local function revive()
  every = EVERY
  sethook(at_count, "", every)
  killed = nil
end

local function finish(ok, value, kind)
  if not is_armed then
    is_armed = pcall(newproxy, spare)
  end
  if killed then
    revive()
  end
  if ok then
    if kind == nil then
      return value
    end
    return value, kind
  end
  if not modern or type(value) ~= "table" then
    return (modern and "ERR " or "") .. tostring(value), "raised"
  end
  local counted = rawget(value, "ignore_error_stats_update") == true
  return text_of(value, "err"), "raised", text_of(value, "source"), text_of(value, "line"), counted
end

local current

local function body()
  return reply(current())
end

local function run(f, keys, argv)
  if not modern then
    reseed(0)
  end
  eval_globals.KEYS, eval_globals.ARGV = keys, argv
  current = f
  return finish(xpcall(body, traced))
end

local entry = {}

-- The first so many are keys, the rest are arguments.
local function apart(number, ...)
  local total = select("#", ...)
  if total == 0 then
    return {}, {}
  elseif number == 0 then
    return {}, {...}
  elseif number == total then
    return {...}, {}
  end
  local keys, argv = {...}, {select(number + 1, ...)}
  for at = number + 1, total do
    keys[at] = nil
  end
  return keys, argv
end

function entry.run(f, number, ...)
  return run(f, apart(number, ...))
end

entry.run_tables = run

function entry.run_without_arguments(f)
  if not modern then
    reseed(0)
  end
  eval_globals.KEYS, eval_globals.ARGV = {}, {}
  current = f
  return finish(xpcall(body, traced))
end

local function call_function(f, keys, argv)
  return finish(xpcall(function() return reply(f(keys, argv)) end, traced))
end

function entry.call_function(f, number, ...)
  return call_function(f, apart(number, ...))
end

entry.call_function_with_tables = call_function

-- A compiled script, or nil and why it does not compile.
function entry.compile(body, name)
  return compiled(body, name, eval_environment)
end

-- Scripts are forgotten, and with them what they set in libraries.
function entry.forget()
  reset_cjson()
end

-- == Function libraries ==

local FLAGS = {["no-writes"] = true, ["allow-oom"] = true, ["allow-stale"] = true, ["no-cluster"] = true}
FLAGS["allow-cross-slot-keys"] = true

local loading

local function flag_names(flags)
  if type(flags) ~= "table" then
    api_error("flags argument to redis.register_function must be a table representing function flags")
  end
  local names, at = {}, 1
  while rawget(flags, at) ~= nil do
    local flag = rawget(flags, at)
    if type(flag) ~= "string" or not FLAGS[flag] then
      api_error("unknown flag given")
    end
    names[at] = flag
    at = at + 1
  end
  return concat(names, " ")
end

local function text_argument(value, message)
  if type(value) ~= "string" and type(value) ~= "number" then
    api_error(message)
  end
  return tostring(value)
end

local function named_arguments(given)
  if type(given) ~= "table" then
    api_error("calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).")
  end
  local name, callback, flags, description
  for key, value in native.next, given do
    if type(key) ~= "string" then
      api_error("named argument key given to redis.register_function is not a string")
    end
    if key == "function_name" then
      name = text_argument(value, "function_name argument given to redis.register_function must be a string")
    elseif key == "description" then
      description = text_argument(value, "description argument given to redis.register_function must be a string")
    elseif key == "callback" then
      callback = type(value) == "function" and value or api_error("callback argument given to redis.register_function must be a function")
    elseif key == "flags" then
      flags = flag_names(value)
    else
      api_error("unknown argument given to redis.register_function")
    end
  end
  if name == nil then
    api_error("redis.register_function must get a function name argument")
  end
  if callback == nil then
    api_error("redis.register_function must get a callback argument")
  end
  return name, callback, flags, description
end

local function register_function(...)
  local total = select("#", ...)
  local name, callback, flags, description
  if loading == nil then
    api_error("redis.register_function can only be called on FUNCTION LOAD command")
  end
  if total < 1 or total > 2 then
    api_error("wrong number of arguments to redis.register_function")
  end
  if total == 1 then
    name, callback, flags, description = named_arguments((...))
  else
    name, callback = ...
    name = text_argument(name, "first argument to redis.register_function must be a string")
    if type(callback) ~= "function" then
      api_error("second argument to redis.register_function must be a function")
    end
  end
  if not find(name, "^[%w_]+$") then
    api_error("Library names can only contain letters, numbers, or underscores(_) and must be at least one character long")
  end
  if loading[name] ~= nil then
    api_error("Function already exists in the library")
  end
  loading[name] = callback
  host.registered(name, callback, flags or "", description)
end

local loading_api = readonly(setmetatable({
  register_function = register_function, log = api.log, LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
  REDIS_VERSION = api.REDIS_VERSION, REDIS_VERSION_NUM = api.REDIS_VERSION_NUM,
}, {__index = nonexistent}))

local loading_globals = setmetatable({redis = loading_api}, {__index = nonexistent})

-- Runs a library's code, which registers its functions; answers nothing, or what went wrong and why.
function entry.load_library(body)
  local made, problem = compiled(body, "@user_function", function_environment)
  if made == nil then
    return "compiling", problem
  end
  function_metatable.__index = loading_globals
  loading = {}
  local ok, value = pcall(made)
  loading = nil
  function_metatable.__index = function_globals
  if killed then
    revive()
  end
  if not ok then
    return "registering", text_of(value, "err") or "ERR " .. tostring(value)
  end
end

return entry
