from pathlib import Path

from shareout import Group, run_commands

VIDEOS = sorted(path.name for path in Path("input").iterdir())

if __name__ == "__main__":
    run_commands(
        groups=[
            Group("convert_to_avi", "ffmpeg -i input/{} {/.}.avi", VIDEOS),
            Group("rip_sound", "ffmpeg -i input/{} {/.}.ogg", VIDEOS),
        ]
    )
