"""The structure of the source in figures, each with the limit it keeps: `python -m docs_build.structure`.

Only the text is read, nothing of it is imported. A room is the first folder below the package; the modules beside the
rooms are a room of their own, called by the package's name.

participles : the share of functions and methods, nested and private ones too but no dunders, whose name ends in a past
    participle. A name's words are split at `_`; numbers at a word's end, and prepositions and particles at the name's
    end (`left_out`, `told_apart`), do not count. A past participle ends in -ed (`feed`, `seed`, `embed` and the like do
    not count) or is irregular (`told`, `kept`, `drawn`); words that are also the verb itself (`put`, `read`, `cut`,
    `split`) are verbs. Questions (`is_sorted`) and the terms of `participles.TERMS` do not count
participle and noun : names that begin with a participle and end in another word, such as `skipped_files`: a plain noun
    with an adjective. They are listed, and are not in the share
doubled names : public classes, type aliases and functions of modules that are defined in more than one module
modules of a package : without its `__init__`; the folders of methods are as large as there are methods
largest room : its share of all lines
helpers among methods : modules of a folder of methods that hold no method and whose name has no underscore in front. A
    method is a frozen dataclass, derived from `types.Method`, whose name is the module's in CamelCase
import cycles : groups of modules that import each other, with imports inside functions and without those that only a
    type checker sees
lines of a function : from `def` to its end, without the docstring
"""
