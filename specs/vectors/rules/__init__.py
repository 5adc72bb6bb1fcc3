"""The rules, one module a topic; `model.py` beside this folder gathers their names."""
