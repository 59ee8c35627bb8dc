"""What can be done with the rows of a collection besides searching them: one question a file."""
