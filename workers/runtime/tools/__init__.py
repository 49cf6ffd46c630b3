"""The agent's tools. A tool is a typed method; its schema comes from the signature.

On purpose a tool raises only `ToolFailed`: the model reads the reason and decides what to do.
"""
