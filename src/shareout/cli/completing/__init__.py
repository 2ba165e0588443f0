"""What a shell offers when Tab is pressed: what may follow (`offers`), and the scripts that ask for it (`shells`)."""
