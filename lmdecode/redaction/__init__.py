"""Captures, logs and recordings without secrets: what becomes of each value, and how the copy is written.

How a copy is made safe to post, in three layers, each of which would have to fail for a secret to get out:

1. *Written anew.* Nothing of the original file is copied. The formats' readers hand over what they understood - a
   message of v1, an HTTP request, a WebSocket text, an ATT PDU, a line of a log that is about a message - and the
   copy is made of that alone. Other devices, other hosts, other ports, other programs, packet headers, comments, names
   of interfaces and damaged parts are not left out by a rule that could miss one: nobody hands them over.
2. *An allow-list of values.* Within a message, a number stays a number and a word stays if it is one of the protocol's
   (`words`). A text is replaced if its name says that it is secret or personal, and also if nobody knows what it is.
3. *Everywhere.* What was found to be secret in one place is replaced in all places, however it is spelled there
   (`spellings`), and the finished copy is searched for it once more before it gets its name.

What replaces a value is made up from its kind and its number alone (`substitutions`), so the copy says nothing about
the original but its shape, equal values stay equal, and to redact a copy once more changes nothing.
"""
