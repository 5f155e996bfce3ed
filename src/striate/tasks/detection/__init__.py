"""Detection: objects of several classes in each picture, COCO's mean average precision, and where it is lost."""
