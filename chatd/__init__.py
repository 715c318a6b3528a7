"""chatd: one room, one order, many doors.

A room is a numbered log; a reader is a cursor; every door is a codec and an outlet.
Start with `chatd.chat.service.ChatService`, or with docs/architecture.md.
"""
