#!/bin/sh
printf '[ProgressPool]\nstyle = 2\n[logging]\nauto_zip = true\nlevel = DEBUG\nmax_file_size = 64M\n' > runner.config
exec ./main.py run --machine alice --yes
