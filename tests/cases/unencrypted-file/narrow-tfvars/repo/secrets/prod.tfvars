db_password = "kumquat-not-a-real-one"
