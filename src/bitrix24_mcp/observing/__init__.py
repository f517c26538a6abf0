"""What an administrator sees of a running server: figures, traces and logs; never what was asked or answered."""
