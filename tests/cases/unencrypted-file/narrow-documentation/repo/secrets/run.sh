echo kumquat
