"""The grammar: `dgm.lark` as written, `tables.json` as the parser reads it."""
