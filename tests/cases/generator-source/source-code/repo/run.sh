PASSWORD=kumquat-not-a-real-one
