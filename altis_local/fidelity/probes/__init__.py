"""One small function for each row that is probed: World in, Finding out. Which row has which: `rows/*.yaml`.

Run by `run`, side by side, on a live environment: a probe leaves nothing behind and disturbs nobody.
"""
