"""Lua scripts and functions: the sandbox, its libraries, and how scripts call commands.

`*.lua` is trusted code of ours that runs inside the interpreter; what scripts see is made there. Python gives it numbers and
strings only. https://valkey.io/topics/lua-api/
"""
