"""The commands of `core/` in one program: `python -m core` lists them."""

from core.program import Command, Program

COMMANDS = {
    "stylize": Command("core.stylize:main", "paint photos in the style of paintings"),
    "video": Command("core.video:main", "paint a video"),
    "train": Command("core.train:main", "train a model of the report, or the flagship"),
    "distil": Command("core.distil:main", "teach a flagship's small reader of paintings"),
    "export": Command("core.export:main", "a model with one painting in place, as ONNX"),
    "gatys": Command("core.gatys:main", "method 1, optimisation (Gatys et al. 2016)"),
    "johnson": Command(
        "core.johnson:main", "method 2, one network per painting (Johnson et al. 2016)"
    ),
    "heldout": Command("core.heldout:main", "losses of trainings on pictures set aside"),
    "flicker": Command("core.flicker:main", "how much a painted video flickers"),
    "int8": Command("core.int8:main", "measure the ranges for reading paintings in 8-bit integers"),
}

if __name__ == "__main__":
    raise SystemExit(Program("python -m core", "MetaStyle's commands.", COMMANDS).main())
